#include "engine/route.hpp"

#include <cstring>

#include "engine/start.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

using chunk::Arena;
using chunk::Chunk;
using chunk::Fault;

// A slab's block of this size or less stays where it is, however little of it is wanted.
constexpr size_t k_never_shrunk = 64;

// From here on a kept mapping is cleared by giving its pages back: where glibc maps every block
// afresh, too, for its threshold moves no further.
constexpr size_t k_purge_to_clear_from = 32 * k_mib;

// From here on it pays to see which pages of a zeroed block are clean.
constexpr size_t k_look_for_clean_from = 32 * k_kib;

ARENITE_SELDOM Arena* lock_arena_slowly() {
  if (cache::t_thread.arena == nullptr) start();
  return cache::lock_arena_slowly();
}

// The thread's arena, or another, with its lock held; nullptr where there is none to be had.
ARENITE_INLINE Arena* lock_arena() {
  Arena* arena = cache::t_thread.arena;
  if (ARENITE_LIKELY(arena != nullptr) && ARENITE_LIKELY(arena->lock.try_lock())) return arena;
  return lock_arena_slowly();
}

ARENITE_SELDOM void free_waiting(Arena* arena) {
  if (arena->free_waiting()) ledger::settle();
}

// Releases an arena's lock, and does what is due without it.
ARENITE_INLINE void leave(Arena* arena) {
  const bool told = arena->must_settle();
  arena->lock.unlock();
  os::barrier_after_unlock();
  if (ARENITE_UNLIKELY(told)) ledger::settle();
  if (ARENITE_UNLIKELY(arena->has_deferred())) free_waiting(arena);
}

// A second try where the first arena, now unlocked, had no memory: the main arena may still have a
// break to move, and any other may find room in a segment.
template <typename Take>
ARENITE_COLD Chunk* try_elsewhere(const Arena* first, Take take) {
  Chunk* chunk = nullptr;
  chunk::g_arenas.for_each([&](Arena& arena) {
    if (chunk != nullptr || &arena == first || arena.is_abandoned() ||
        !arena.lock.lock_unless_frozen())
      return;
    chunk = take(arena);
    leave(&arena);
  });
  return chunk;
}

// Takes a chunk by take(arena) from the thread's arena, else from any.
template <typename Take>
ARENITE_INLINE Chunk* take_chunk(Take take) {
  Arena* arena = lock_arena();
  if (ARENITE_UNLIKELY(arena == nullptr)) return nullptr;
  Chunk* chunk = take(*arena);
  leave(arena);
  if (ARENITE_UNLIKELY(chunk == nullptr)) return try_elsewhere(arena, take);
  return chunk;
}

// A block outside all arenas: a mapping of its own, or a pointer that is none of ours.
ARENITE_SELDOM_LARGER void require_mapped_chunk(const void* p, Fault if_none) {
  const Chunk* chunk = Chunk::from_user(p);
  const bool can_be_read = chunk::g_known_mapped.has(chunk) || os::is_readable(chunk);
  if (!can_be_read || !chunk->is_mapped()) chunk::fault(nullptr, if_none, p);
}

// The arena of a block in use; nullptr if it is a mapping of its own.
ARENITE_INLINE Arena* arena_of(const void* p, Fault if_none) {
  if (ARENITE_UNLIKELY(!is_aligned(address_of(p), chunk::alignment())))
    chunk::fault(nullptr, if_none, p);
  Chunk* chunk = Chunk::from_user(p);
  Arena* arena = Arena::around(chunk);
  if (ARENITE_LIKELY(arena != nullptr) && ARENITE_LIKELY(!chunk->is_mapped())) {
    if (ARENITE_UNLIKELY(chunk->is_not_main() == arena->is_main())) arena->refuse(chunk, if_none);
    return arena;
  }
  require_mapped_chunk(p, if_none);
  return nullptr;
}

// What the program may use of a chunk.
size_t usable_of(const Chunk* chunk) {
  return chunk->is_mapped() ? chunk::mapped_usable(chunk) : chunk::usable(chunk->size());
}

// A free does not wait for an arena that another thread is using (in classic mode it does): the
// chunk goes to the arena's list of deferred frees, which its holder empties when he is through.
ARENITE_APART void release_locked(Arena* arena, Chunk* chunk) {
  if (ARENITE_UNLIKELY(!arena->lock.try_lock())) {
    if (!is_classic() || !arena->lock.lock_unless_frozen()) {
      arena->free_later(chunk);
      // Its holder may have looked before.
      return free_waiting(arena);
    }
  }
  arena->free(chunk);
  leave(arena);
}

void* allocate_locked(size_t n) {
  Chunk* chunk = take_chunk([n](Arena& arena) { return arena.allocate(chunk::request2size(n)); });
  if (ARENITE_UNLIKELY(chunk == nullptr)) return nullptr;
  chunk::perturb_fresh(chunk->user(), n);
  return chunk->user();
}

[[gnu::noinline]] void* allocate_from_arena(size_t n) {
  Arena* arena = cache::t_thread.arena;
  if (ARENITE_LIKELY(arena != nullptr && os::single_threaded())) {
    Chunk* chunk = arena->allocate(chunk::request2size(n));
    if (ARENITE_UNLIKELY(arena->must_settle())) ledger::settle();
    if (ARENITE_LIKELY(chunk != nullptr)) {
      chunk::perturb_fresh(chunk->user(), n);
      return chunk->user();
    }
  }
  return allocate_locked(n);
}

// What slabs serve, if they have it.
void* take_small(size_t n) {
  const unsigned size_class = slab::class_of(n);
  return ARENITE_LIKELY(size_class < slab::k_classes) ? cache::take_of_class(size_class) : nullptr;
}

// The second way: from the thread's slabs, or an arena.
[[gnu::noinline]] void* allocate_unwatched(size_t n, Otherwise otherwise) {
  void* p = cache::serves(n) ? take_small(n) : nullptr;
  if (p == nullptr && ARENITE_LIKELY(n <= k_largest_request)) p = allocate_from_arena(n);
  return ARENITE_LIKELY(p != nullptr) ? p : otherwise(n);
}

// The first, of a request that is watched.
ARENITE_LARGER void* allocate_watched(size_t n, Otherwise otherwise) {
  look_if_watched();
  void* p = nullptr;
  if (cache::serves(n) && ARENITE_LIKELY(cache::take_from_magazine(n, p))) return p;
  return allocate_unwatched(n, otherwise);
}

// What is in a slab and stays there: the same block, if it is not half empty then.
void* reallocate_slab_block(void* p, size_t n) {
  const size_t size = cache::size_in_use(p);
  if (n <= size && (n > size / 2 || size <= k_never_shrunk)) return p;
  void* fresh = allocate(n);
  if (fresh == nullptr) return n <= size ? p : nullptr;
  memcpy(fresh, p, size < n ? size : n);
  cache::give(p);
  return fresh;
}

// Clears n bytes from p on, but for those that are known to be clean.
void clear_but(void* p, size_t n, chunk::FreePages::Range clean) {
  const uintptr_t begin = address_of(p);
  const uintptr_t end = begin + n;
  if (!clean.overlaps({begin, end})) {
    memset(p, 0, n);
    return;
  }
  if (clean.begin > begin) memset(p, 0, clean.begin - begin);
  if (clean.end < end) memset(at_address<void>(clean.end), 0, end - clean.end);
}

// Clears n bytes of a kept mapping. A large table may be used in few places: if all its pages were
// written here, all of it would be resident. They go back instead, and come as they are touched.
// A smaller one is written: that takes a third to a fifth of the time of its page faults.
void clear_kept(void* p, size_t n) {
  const uintptr_t end = address_of(p) + n;
  const uintptr_t from = align_up(address_of(p), os::page_size());
  const uintptr_t to = align_down(end, os::page_size());
  if (n < k_purge_to_clear_from || !os::purge(at_address<void>(from), to - from)) {
    memset(p, 0, n);
    return;
  }
  memset(p, 0, from - address_of(p));
  memset(at_address<void>(to), 0, end - to);
}

// Of chunks and mappings what is known to be clean is not cleared.
ARENITE_LARGER void* allocate_zeroed_chunk(size_t n) {
  look_if_watched();
  Arena::Top top{};
  chunk::FreePages::Range clean;
  Chunk* chunk = take_chunk([n, &top, &clean](Arena& arena) {
    top = arena.top_now();
    arena.forget_last_taken();
    Chunk* taken = arena.allocate(chunk::request2size(n));
    clean = arena.clean_of_last_taken();
    return taken;
  });
  if (ARENITE_UNLIKELY(chunk == nullptr)) return nullptr;
  void* p = chunk->user();
  if (chunk->is_mapped()) {
    const size_t dirty = chunk::dirty_of_mapped(chunk);
    clear_kept(p, dirty < n ? dirty : n);
    return p;
  }
  if (n >= k_look_for_clean_from && clean.size() != 0) {
    clear_but(p, n, clean);
    return p;
  }
  // Carved from the top as it was, and reaching beyond where it ended: from there on it is fresh.
  size_t dirty = n;
  if (chunk == top.chunk && n + chunk::k_header > top.size) dirty = top.size - chunk::k_header;
  memset(p, 0, dirty);
  return p;
}

}  // namespace

[[gnu::noinline]] void* allocate_slowly(size_t n, Otherwise otherwise) {
  if (ARENITE_UNLIKELY(cache::is_watched())) return allocate_watched(n, otherwise);
  return allocate_unwatched(n, otherwise);
}

// The magazine has no block of the thread's own that would be next. Between enter() and leave().
[[gnu::noinline]] void* allocate_of_others(size_t n, Otherwise otherwise) {
  cache::ThreadSlabs* mine = cache::t_thread.slabs.load(std::memory_order_relaxed);
  cache::Magazine& magazine = mine->magazines[slab::class_of(n)];
  if (ARENITE_UNLIKELY(magazine.foreign() != 0)) return cache::take_kept(magazine);
  cache::leave(cache::t_thread);
  return allocate_slowly(n, otherwise);
}

namespace {

// Where the library has not started, it is only then known who is to serve operators.
ARENITE_SELDOM void* start_and_allocate_for_operator(size_t n, Otherwise otherwise) {
  start();
  return cache::serve_operators() ? allocate_slowly(n, otherwise) : otherwise(n);
}

}  // namespace

void* allocate_for_operator_slowly(size_t n, Otherwise otherwise) {
  if (ARENITE_UNLIKELY(!cache::serve_operators()))
    return start_and_allocate_for_operator(n, otherwise);
  return allocate_slowly(n, otherwise);
}

void* allocate_zeroed(size_t n) {
  if (ARENITE_UNLIKELY(!cache::serves(n))) return allocate_zeroed_chunk(n);
  void* p = allocate(n);
  return ARENITE_LIKELY(p != nullptr) ? memset(p, 0, n) : nullptr;
}

ARENITE_APART void* allocate_aligned(size_t align, size_t n) {
  if (align <= chunk::alignment()) return allocate(n);
  look_if_watched();
  if (const unsigned c = slab::aligned_class_of(n, align);
      c < slab::k_classes && cache::serves(slab::info(c).size)) {
    if (void* p = cache::take_of_class(c)) return p;
  }
  size_t total = 0;
  if (__builtin_add_overflow(n, align, &total) || total > k_largest_request - os::page_size())
    return nullptr;
  Chunk* chunk = take_chunk(
      [n, align](Arena& arena) { return arena.allocate_aligned(chunk::request2size(n), align); });
  if (chunk == nullptr) return nullptr;
  // What was cut off of its mapping may be more than may be kept.
  if (ARENITE_UNLIKELY(chunk->is_mapped())) ledger::settle();
  void* p = chunk->user();
  chunk::perturb_fresh(p, n);
  return p;
}

void release_chunk(void* p) {
  if (p == nullptr) return;
  // Not at a multiple of 16.
  if (ARENITE_UNLIKELY(is_slab_region(g_kind_map.at(p)))) cache::refuse_free(slab::slab_of(p), p);
  Arena* arena = arena_of(p, Fault::free_invalid_pointer);
  Chunk* chunk = Chunk::from_user(p);
  if (ARENITE_UNLIKELY(arena == nullptr)) return chunk::unmap_chunk(chunk);
  if (ARENITE_UNLIKELY(arena->is_abandoned())) return;
  if (!os::single_threaded()) return release_locked(arena, chunk);
  arena->free(chunk);
  if (ARENITE_UNLIKELY(arena->must_settle())) ledger::settle();
}

ARENITE_LARGER void* reallocate(void* p, size_t n) {
  if (is_slab_region(g_kind_map.at(p))) return reallocate_slab_block(p, n);
  Arena* arena = arena_of(p, Fault::realloc_invalid_pointer);
  Chunk* chunk = Chunk::from_user(p);
  const size_t size = chunk::request2size(n);
  const size_t old_usable = usable_of(chunk);
  if (arena == nullptr) {
    // No page of the mapping would go; and all that is usable may be asked for.
    if (n <= old_usable && old_usable - n < os::page_size()) {
      chunk::check_mapped(chunk, Fault::remap_invalid_pointer);
      return p;
    }
    if (Chunk* resized = chunk::remap_chunk(chunk, size)) return resized->user();
    if (n <= old_usable) return p;
  } else if (!arena->is_abandoned() && arena->lock.lock_unless_frozen()) {
    const bool fits = arena->resize_in_place(chunk, size);
    leave(arena);
    if (fits) return p;
  } else if (n <= old_usable) {
    return p;
  }
  void* fresh = allocate(n);
  if (fresh == nullptr) return nullptr;
  memcpy(fresh, p, old_usable < n ? old_usable : n);
  release_chunk(p);
  return fresh;
}

ARENITE_LARGER size_t usable_size(const void* p) {
  if (is_slab_region(g_kind_map.at(p)))
    return cache::size_of(p, slab::Fault::usable_invalid_pointer);
  const Arena* arena = arena_of(p, Fault::usable_invalid_pointer);
  const Chunk* chunk = Chunk::from_user(p);
  if (arena == nullptr) {
    chunk::check_mapped(chunk, Fault::usable_invalid_size);
  } else if (ARENITE_UNLIKELY(chunk->size() < chunk::min_chunk() ||
                              chunk->size() >= arena->system_bytes())) {
    chunk::fault(nullptr, Fault::usable_invalid_size, p);
  }
  return usable_of(chunk);
}

}  // namespace arenite::engine
