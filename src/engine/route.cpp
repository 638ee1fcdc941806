#include "engine/route.hpp"

#include <cstring>

#include "engine/beyond_slabs.hpp"
#include "engine/chunks.hpp"
#include "engine/start.hpp"
#include "engine/trim.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

// A slab's block of this size or less stays where it is, however little of it is wanted.
constexpr size_t k_never_shrunk = 64;

// What has no class of slabs, but for a thread's first, is a run.
void* take_without_class(size_t n) {
  return cache::is_among_first_without_class() ? nullptr : take_beyond(n);
}

// What slabs serve, if they have it.
void* take_small(size_t n) {
  const unsigned size_class = slab::class_of(n);
  return ARENITE_LIKELY(size_class < slab::k_classes) ? cache::take_of_class(size_class) : nullptr;
}

// Who serves a request is known once the library has started, which a thread's first finds out.
ARENITE_INLINE void start_if_first() {
  const cache::Thread& thread = cache::t_thread;
  const bool has_any = thread.has_record() || thread.mixed != nullptr || thread.arena != nullptr;
  if (ARENITE_UNLIKELY(!has_any)) start();
}

// The first blocks of a process beyond slabs, up to a size, have pages of a slab region: the pool
// that libstdc++ takes in every program, and what else a small one may have. A region of spans
// would cost it some pages.
constexpr size_t k_first = 2;
constexpr size_t k_largest_first = 128 * k_kib;
constinit std::atomic<size_t> g_first_left{k_first};

ARENITE_INLINE bool is_among_first(size_t n) {
  size_t left = g_first_left.load(std::memory_order_relaxed);
  if (ARENITE_LIKELY(left == 0) || n > k_largest_first || !cache::serve_anybody()) return false;
  return g_first_left.compare_exchange_strong(left, left - 1, std::memory_order_relaxed);
}

// The second way: from the thread's slabs, or from beyond, or an arena.
ARENITE_INLINE void* take_anywhere(size_t n) {
  void* p = nullptr;
  start_if_first();
  if (cache::serves(n)) {
    p = slab::class_of(n) < slab::k_classes ? take_small(n) : take_without_class(n);
    if (p == nullptr) p = cache::take_mixed(n);
  } else if (is_beyond_slabs(n)) {
    if (ARENITE_UNLIKELY(is_among_first(n))) p = cache::take_mixed_row(n);
    if (p == nullptr) p = take_beyond(n);
  }
  return p == nullptr && ARENITE_LIKELY(n <= k_largest_request) ? take_chunk_for(n) : p;
}

ARENITE_COLD void* allocate_last(size_t n, Otherwise otherwise) {
  void* p = n <= k_largest_request && give_back_all_kept() ? take_anywhere(n) : nullptr;
  return p != nullptr ? p : otherwise(n);
}

[[gnu::noinline]] void* allocate_unwatched(size_t n, Otherwise otherwise) {
  void* p = take_anywhere(n);
  return ARENITE_LIKELY(p != nullptr) ? p : allocate_last(n, otherwise);
}

// The first, of a request that is watched.
ARENITE_LARGER void* allocate_watched(size_t n, Otherwise otherwise) {
  look_if_watched();
  void* p = nullptr;
  if (cache::serves(n) && ARENITE_LIKELY(cache::take_from_magazine(n, p))) return p;
  return allocate_unwatched(n, otherwise);
}

// A block of n bytes for one that has to move.
ARENITE_LARGER void* allocate_to_move(const void* block, size_t size, size_t n) {
  void* p = n > size && is_beyond_slabs(n) ? take_beyond_to_grow(block, n) : nullptr;
  return p != nullptr ? p : allocate(n);
}

// What is in a slab and stays there: the same block, if it is not half empty then.
void* reallocate_slab_block(void* p, size_t n) {
  const size_t size = cache::size_in_use(p);
  if (n <= size && (n > size / 2 || size <= k_never_shrunk)) return p;
  void* fresh = allocate_to_move(p, size, n);
  if (fresh == nullptr) return n <= size ? p : nullptr;
  memcpy(fresh, p, size < n ? size : n);
  cache::give(p);
  return fresh;
}

// What becomes small moves to a slab, if there is one.
void* reallocate_beyond(void* p, size_t size, size_t n) {
  void* fresh = nullptr;
  if (n <= size / 2 && cache::serves(n)) fresh = take_small(n);
  if (fresh == nullptr) {
    if (void* resized = resize_beyond(p, size, n)) return resized;
    if (n <= size) return p;
    fresh = allocate_to_move(p, size, n);
    if (fresh == nullptr) return nullptr;
  }
  memcpy(fresh, p, size < n ? size : n);
  release_beyond_slabs(p);
  return fresh;
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

namespace {

ARENITE_LARGER void* allocate_zeroed_slowly(size_t n) {
  start_if_first();
  // A process's first request may be one for a small block.
  if (cache::serves(n)) return allocate_zeroed(n);
  look_if_watched();
  const auto take = [n] {
    void* p = is_beyond_slabs(n) ? take_beyond_zeroed(n) : nullptr;
    return p != nullptr ? p : take_zeroed_chunk_for(n);
  };
  void* p = take();
  return p == nullptr && n <= k_largest_request && give_back_all_kept() ? take() : p;
}

}  // namespace

void* allocate_zeroed(size_t n) {
  if (ARENITE_LIKELY(cache::serves(n))) {
    void* p = allocate(n);
    return ARENITE_LIKELY(p != nullptr) ? memset(p, 0, n) : nullptr;
  }
  return allocate_zeroed_slowly(n);
}

ARENITE_APART void* allocate_aligned(size_t align, size_t n) {
  if (align <= chunk::alignment()) return allocate(n);
  start_if_first();
  look_if_watched();
  if (const unsigned c = slab::aligned_class_of(n, align);
      c < slab::k_classes && cache::serves(slab::info(c).size)) {
    if (void* p = cache::take_of_class(c)) return p;
    if (void* p = cache::take_mixed(n, align)) return p;
  }
  const auto take = [n, align] {
    const bool is_beyond =
        n <= k_largest_request - align && (is_beyond_slabs(n + align) || cache::serve_anybody());
    void* p = is_beyond ? take_beyond_aligned(align, n) : nullptr;
    return p != nullptr ? p : take_aligned_chunk_for(align, n);
  };
  void* p = take();
  return p == nullptr && n <= k_largest_request && give_back_all_kept() ? take() : p;
}

void release_beyond_slabs(void* p) {
  if (p == nullptr) return;
  const Kind kind = g_kind_map.at(p);
  if (kind == Kind::span_region) return give_run(p);
  // Not at a multiple of 16.
  if (ARENITE_UNLIKELY(is_slab_region(kind))) cache::refuse_free(slab::slab_of(p), p);
  if (kind == Kind::none && has_any_beyond_slabs() && large::give(p)) return;
  give_chunk(p);
}

ARENITE_LARGER void* reallocate(void* p, size_t n) {
  if (is_slab_region(g_kind_map.at(p))) return reallocate_slab_block(p, n);
  if (has_any_beyond_slabs()) {
    if (const size_t size = size_beyond(p, span::Fault::realloc_invalid_pointer); size != 0)
      return reallocate_beyond(p, size, n);
  }
  const Resized resized = resize_chunk(p, n);
  if (resized.block != nullptr) return resized.block;
  void* fresh = allocate_to_move(p, resized.usable, n);
  if (fresh == nullptr) return n <= resized.usable ? p : nullptr;
  memcpy(fresh, p, resized.usable < n ? resized.usable : n);
  give_chunk(p);
  return fresh;
}

ARENITE_LARGER size_t usable_size(const void* p) {
  if (is_slab_region(g_kind_map.at(p)))
    return cache::size_of(p, slab::Fault::usable_invalid_pointer);
  if (has_any_beyond_slabs()) {
    if (const size_t size = size_beyond(p, span::Fault::usable_invalid_pointer); size != 0)
      return size;
  }
  return size_of_chunk(p);
}

}  // namespace arenite::engine
