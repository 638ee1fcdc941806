// A thread's slabs: a small block is taken from a magazine, and given back to one, without a lock
// or an atomic instruction. What does not fit that is out of line, in slabs.cpp.
//
// Nothing here sets errno. A block is returned, or nullptr: then slabs cannot serve, and others do
// (engine/route.hpp).
#pragma once

#include "cache/depot.hpp"
#include "cache/thread.hpp"

namespace arenite::cache {

// Whether requests are to notice that time has passed: none of them, one of so many that a thread
// makes, or each.
enum class Watch : uint8_t { none, some, each };

// Which requests slabs serve: those of fewer bytes than `below`. `direct_below` is the same where
// none is watched, and `counted_below` where some are; else they are 0. So who takes the shortest
// way need not ask whether requests are watched, and the next shortest counts. All are 0, so that
// nothing of a thread's state is looked at, before the library has started, while this state is not
// laid out yet, and where slabs serve nobody.
// Operator new has bounds of its own, which are 0 as well until it is known that operators need not
// go by malloc's name, and for good where they must.
// A cache line of their own: everybody reads them, hardly anybody writes.
struct alignas(64) Served {
  std::atomic<size_t> direct_below{0};
  std::atomic<size_t> operator_direct_below{0};
  std::atomic<size_t> counted_below{0};
  std::atomic<size_t> operator_counted_below{0};
  std::atomic<size_t> below{0};
  std::atomic<Watch> watch{Watch::none};
  std::atomic<bool> operators{false};
};
[[gnu::visibility("hidden")]] inline constinit Served g_served;

// Whether n is less than that, in one instruction: a compiler does not compare with an atomic where
// it lies.
ARENITE_INLINE bool is_less(size_t n, const std::atomic<size_t>& bound) {
#if defined(__x86_64__)
  bool less;
  asm("cmp %2, %1" : "=@ccb"(less) : "r"(n), "m"(bound));
  return less;
#else
  return n < bound.load(std::memory_order_relaxed);
#endif
}

// Changes it, for requests from now on. Threads may keep slabs that do not serve any more.
void serve_below(size_t below);

// Any thread may change it.
void watch(Watch watch);
ARENITE_INLINE Watch watched() {
  return g_served.watch.load(std::memory_order_relaxed);
}
ARENITE_INLINE bool is_watched() {
  return watched() != Watch::none;
}
// Where some are watched: whether this one is. If so, the count is to be set anew.
ARENITE_INLINE bool count_request() {
  return --t_thread.requests_to_go == 0;
}

// Says, once, at start, whether operators are served as malloc and free are.
void serve_operators(bool served);
ARENITE_INLINE bool serve_operators() {
  return g_served.operators.load(std::memory_order_relaxed);
}

// Whether a request is the slabs' at all.
ARENITE_INLINE bool serves(size_t n) {
  return ARENITE_LIKELY(is_less(n, g_served.below));
}

// Whether slabs are in use at all.
ARENITE_INLINE bool serve_anybody() {
  return serves(0);
}

// The short ways are between these two: whoever has closed the thread's record (cache.hpp) learns
// from `is_busy` that they are over. On the way out nothing may move behind it; on the way in it is
// enough that the store comes first in the program.
ARENITE_INLINE void enter(Thread& thread) {
  thread.is_busy.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
ARENITE_INLINE void leave(Thread& thread) {
  thread.is_busy.store(false, std::memory_order_release);
}

// False if the last slot is empty, or its block is of another thread's slab.
ARENITE_INLINE bool take_own(Magazine& magazine, void*& block) {
  void** const top = magazine.top;
  block = top[-1];
  if (ARENITE_UNLIKELY(Magazine::is_foreign(block))) return false;
  magazine.top = top - 1;
  slab::set_used(block);
  return true;
}

// The last block of a magazine that has one of another's slab there, between enter() and leave():
// which it does.
void* take_kept(Magazine& magazine);

// Takes a block of n bytes, at most k_slab_limit. False if the thread's magazine has none, or one
// that take_of_class() is to take.
ARENITE_INLINE bool take_from_magazine(size_t n, void*& block) {
  Thread& thread = t_thread;
  enter(thread);
  ThreadSlabs* mine = thread.slabs.load(std::memory_order_relaxed);
  const bool is_taken = take_own(mine->magazines[slab::class_of(n)], block);
  leave(thread);
  return ARENITE_LIKELY(is_taken);
}

// Takes a block of at least n bytes if n is small. False if it is not, or requests are watched, or
// the magazine has none.
ARENITE_INLINE bool take_direct(size_t n, void*& block) {
  return ARENITE_LIKELY(is_less(n, g_served.direct_below)) && take_from_magazine(n, block);
}
// Whether a request may be served so, or some are watched and this is not one of them.
ARENITE_INLINE bool is_direct(size_t n) {
  return is_less(n, g_served.direct_below) ||
         (is_less(n, g_served.counted_below) && !count_request());
}
ARENITE_INLINE bool is_direct_for_operator(size_t n) {
  return is_less(n, g_served.operator_direct_below) ||
         (is_less(n, g_served.operator_counted_below) && !count_request());
}

// Whether this thread has an open record; if not, it is given one, where there is memory and slabs
// serve.
bool settle();
ARENITE_INLINE bool is_settled() {
  return ARENITE_LIKELY(t_thread.slabs.load(std::memory_order_relaxed) != &g_no_slabs) || settle();
}

// A block of a class, from wherever there is one; nullptr also for a thread's first of the class,
// which are to come from mixed pages. Only where slabs serve.
void* take_of_class(unsigned size_class);
// Whether a request of up to k_slab_limit bytes that has no class is among this thread's first.
bool is_among_first_without_class();

// The ways of a free that is not the common one.
void give_foreign(slab::Slab* slab, void* block);
void give_after_others(slab::Slab* slab, void* block);
void give_to_full_magazine(slab::Slab* slab, void* block);
[[noreturn]] void refuse_free(const slab::Slab* slab, void* block);

// Takes back a block in a region, at a multiple of 16. Ends the process if it is none, or free.
ARENITE_INLINE void give(void* block) {
  slab::Slab* slab = slab::slab_of(block);
  Thread& thread = t_thread;
  enter(thread);
  ThreadSlabs* mine = thread.slabs.load(std::memory_order_relaxed);
  if (ARENITE_UNLIKELY(slab->owner.load(std::memory_order_relaxed) != mine))
    return give_foreign(slab, block);
  if (ARENITE_UNLIKELY(!slab::is_owners_alone(slab))) return give_after_others(slab, block);
  Magazine& magazine = mine->magazines[slab->size_class];
  void** const top = magazine.top;
  if (ARENITE_UNLIKELY(top == magazine.end)) return give_to_full_magazine(slab, block);
  if (ARENITE_UNLIKELY(!slab::set_unused(block))) refuse_free(slab, block);
  *top = block;
  magazine.top = top + 1;
  leave(thread);
}

// The size of a block in a region: of a slab's its class's. Ends the process if none starts there.
size_t size_of_no_slabs(const void* block, slab::Fault if_none);
inline size_t size_of(const void* block, slab::Fault if_none) {
  const slab::Slab* slab = slab::slab_of(block);
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  if (ARENITE_UNLIKELY(!slab->is_start(offset))) return size_of_no_slabs(block, if_none);
  return slab->size();
}

// The same for a block that is to be resized. Ends the process if it is free, too.
inline size_t size_in_use(const void* block) {
  const slab::Slab* slab = slab::slab_of(block);
  const size_t size = size_of(block, slab::Fault::realloc_invalid_pointer);
  if (ARENITE_UNLIKELY(slab::is_mixed(slab))) return size;
  if (ARENITE_UNLIKELY(slab::is_free(slab, block)))
    slab::fault(slab::Fault::realloc_freed, slab, block);
  return size;
}

// Makes a closed record this thread's own again, and empties the magazines that were not in use
// since it was last closed.
void reopen();
// Those that were not in use since this was last asked.
void empty_unused_magazines();

// Gives this thread's free blocks back to their slabs, and those that come free to the depot.
void empty_magazines();

// Gives up this thread's slabs: it is ending, or slabs are to serve no more.
void leave_slabs();

}  // namespace arenite::cache
