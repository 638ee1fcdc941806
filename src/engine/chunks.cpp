#include "engine/chunks.hpp"

#include <cstring>

#include "cache/cache.hpp"
#include "engine/start.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

using chunk::Arena;
using chunk::Chunk;
using chunk::Fault;

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
  const bool can_be_read = chunk::g_tuning.maps_blocks != 0 &&
                           (chunk::g_known_mapped.has(chunk) || os::is_readable(chunk));
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

void* take_locked(size_t n) {
  Chunk* chunk = take_chunk([n](Arena& arena) { return arena.allocate(chunk::request2size(n)); });
  if (ARENITE_UNLIKELY(chunk == nullptr)) return nullptr;
  chunk::perturb_fresh(chunk->user(), n);
  return chunk->user();
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

}  // namespace

[[gnu::noinline]] void* take_chunk_for(size_t n) {
  Arena* arena = cache::t_thread.arena;
  if (ARENITE_LIKELY(arena != nullptr && os::single_threaded())) {
    Chunk* chunk = arena->allocate(chunk::request2size(n));
    if (ARENITE_UNLIKELY(arena->must_settle())) ledger::settle();
    if (ARENITE_LIKELY(chunk != nullptr)) {
      chunk::perturb_fresh(chunk->user(), n);
      return chunk->user();
    }
  }
  return take_locked(n);
}

ARENITE_LARGER void* take_zeroed_chunk_for(size_t n) {
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
  if (chunk->is_mapped()) return p;
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

ARENITE_APART void* take_aligned_chunk_for(size_t align, size_t n) {
  size_t total = 0;
  if (__builtin_add_overflow(n, align, &total) || total > k_largest_request - os::page_size())
    return nullptr;
  Chunk* chunk = take_chunk(
      [n, align](Arena& arena) { return arena.allocate_aligned(chunk::request2size(n), align); });
  if (chunk == nullptr) return nullptr;
  void* p = chunk->user();
  chunk::perturb_fresh(p, n);
  return p;
}

void give_chunk(void* p) {
  Arena* arena = arena_of(p, Fault::free_invalid_pointer);
  Chunk* chunk = Chunk::from_user(p);
  if (ARENITE_UNLIKELY(arena == nullptr)) return chunk::unmap_chunk(chunk);
  if (ARENITE_UNLIKELY(arena->is_abandoned())) return;
  if (!os::single_threaded()) return release_locked(arena, chunk);
  arena->free(chunk);
  if (ARENITE_UNLIKELY(arena->must_settle())) ledger::settle();
}

ARENITE_LARGER Resized resize_chunk(void* p, size_t n) {
  Arena* arena = arena_of(p, Fault::realloc_invalid_pointer);
  Chunk* chunk = Chunk::from_user(p);
  const size_t size = chunk::request2size(n);
  const size_t usable = usable_of(chunk);
  if (arena == nullptr) {
    // No page of the mapping would go; and all that is usable may be asked for.
    if (n <= usable && usable - n < os::page_size()) {
      chunk::check_mapped(chunk, Fault::remap_invalid_pointer);
      return {p, usable};
    }
    if (Chunk* resized = chunk::remap_chunk(chunk, size)) return {resized->user(), usable};
  } else if (!arena->is_abandoned() && arena->lock.lock_unless_frozen()) {
    const bool fits = arena->resize_in_place(chunk, size);
    leave(arena);
    return {fits ? p : nullptr, usable};
  }
  return {n <= usable ? p : nullptr, usable};
}

ARENITE_LARGER size_t size_of_chunk(const void* p) {
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
