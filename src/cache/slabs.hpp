// A thread's slabs: a small block is taken, and given back, without a lock, an atomic instruction
// or a test for nothing. What does not fit that is out of line, in slabs.cpp.
//
// Nothing here sets errno. A block is returned, or nullptr: then slabs cannot serve, and the chunk
// engine does.
#pragma once

#include "cache/depot.hpp"
#include "cache/thread.hpp"

namespace arenite::cache {

// Which requests slabs serve: those of fewer bytes than `below`. `direct_below` is the same, but no
// more than the direct table knows. Both are 0, so that nothing of a thread's state is looked at,
// before the library has started, while this state is not laid out yet, and where slabs serve
// nobody. While requests are `watched`, so that each can notice that time has passed,
// `direct_below` is 0 and nobody takes the shortest way; `watched_below` is what it would be.
// Operator new has a bound of its own, which is 0 as well until it is known that operators need not
// go by malloc's name, and for good where they must; `operators_detour` tells it that either is so.
// A cache line of their own: everybody reads them, hardly anybody writes.
struct alignas(64) Served {
  std::atomic<size_t> direct_below{0};
  std::atomic<size_t> operator_direct_below{0};
  std::atomic<size_t> watched_below{0};
  std::atomic<size_t> below{0};
  std::atomic<bool> watched{false};
  std::atomic<bool> operators{false};
  std::atomic<bool> operators_detour{true};
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

// Whether each request is to take a longer way. Any thread may change it.
void watch(bool watched);
ARENITE_INLINE bool is_watched() {
  return g_served.watched.load(std::memory_order_relaxed);
}

// Says, once, at start, whether operators are served as malloc and free are.
void serve_operators(bool served);
ARENITE_INLINE bool serve_operators() {
  return g_served.operators.load(std::memory_order_relaxed);
}
// Whether that or a watch keeps operator new from the ways that others take.
ARENITE_INLINE bool operators_make_a_detour() {
  return g_served.operators_detour.load(std::memory_order_relaxed);
}

// Whether a request is the slabs' at all, or the chunk engine's alone.
ARENITE_INLINE bool serves(size_t n) {
  return ARENITE_LIKELY(is_less(n, g_served.below));
}

// Whether slabs are in use at all.
ARENITE_INLINE bool serve_anybody() {
  return serves(0);
}

// Takes a block of n bytes, which the direct table knows. False if the thread's slab has none.
ARENITE_INLINE bool take_from_table(size_t n, void*& block) {
  slab::Slab* slab = t_thread.direct[(n + 15) / 16];
  const uint64_t word = slab::load(slab->active_word);
  if (ARENITE_UNLIKELY(word == 0)) return false;
  block = slab->pop(word);
  return true;
}

// Takes a block of at least n bytes if n is small. False if it is not, or the thread's slab has
// none.
ARENITE_INLINE bool take_direct(size_t n, void*& block) {
  return ARENITE_LIKELY(is_less(n, g_served.direct_below)) && take_from_table(n, block);
}
ARENITE_INLINE bool take_direct_for_operator(size_t n, void*& block) {
  return ARENITE_LIKELY(is_less(n, g_served.operator_direct_below)) && take_from_table(n, block);
}
// Whether the direct table serves n bytes, but requests are watched.
ARENITE_INLINE bool is_direct_but_watched(size_t n) {
  return is_less(n, g_served.watched_below);
}

// Takes a block of any size that slabs serve, and from any word of the slab.
ARENITE_INLINE bool take_current(size_t n, void*& block) {
  if (ARENITE_UNLIKELY(!serves(n))) return false;
  slab::Slab* slab = t_thread.slabs->current[slab::class_of(n)];
  uint64_t word = slab::load(slab->active_word);
  if (word == 0) {
    if (ARENITE_UNLIKELY(slab->summary == 0)) return false;
    word = slab::claim(slab);
  }
  block = slab->pop(word);
  return true;
}

// Whether this thread has a record; if not yet, it is given one, where there is memory and slabs
// serve.
bool settle();
ARENITE_INLINE bool is_settled() {
  return ARENITE_LIKELY(t_thread.has_slabs()) || settle();
}

// A block of a class, from wherever there is one. Only where slabs serve.
void* take_of_class(unsigned size_class);

// The ways of a free that is not the common one.
void give_foreign(slab::Slab* slab, void* block);
void give_after_others(slab::Slab* slab, void* block);
void completed(slab::Slab* slab, unsigned word_index);
void refuse_free(const slab::Slab* slab, void* block);  // does not return

// Takes back a block in a region. Ends the process if it is none, or free.
ARENITE_INLINE void give(void* block) {
  slab::Slab* slab = slab::slab_of(block);
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  if (ARENITE_UNLIKELY(!slab->is_start(offset))) return refuse_free(slab, block);
  if (ARENITE_UNLIKELY(slab->owner.load(std::memory_order_relaxed) != t_thread.slabs))
    return give_foreign(slab, block);
  if (ARENITE_UNLIKELY(!slab::is_zero(slab->remote_summary))) return give_after_others(slab, block);
  const uint32_t granule = slab->granule(offset);
  if (static_cast<uint8_t>(granule / 64) == slab->active) {
    uint64_t word = slab::load(slab->active_word);
    if (ARENITE_UNLIKELY(slab::test_and_set(word, granule))) return refuse_free(slab, block);
    slab::store(slab->active_word, word);
    return;
  }
  uint64_t word = slab::load(slab->words[granule / 64]);
  if (ARENITE_UNLIKELY(slab::test_and_set(word, granule))) return refuse_free(slab, block);
  // Before the last block is free and the slab perhaps another's.
  const bool is_complete = slab::is_complete(slab, granule / 64, word);
  slab::put(slab, granule / 64, word);
  // Or another thread freed the rest of the word since we looked.
  if (ARENITE_UNLIKELY(is_complete || !slab::is_zero(slab->remote_summary)))
    completed(slab, granule / 64);
}

// The class's size of a block in a region. Ends the process if none starts there.
inline size_t size_of(const void* block, slab::Fault if_none) {
  const slab::Slab* slab = slab::slab_of(block);
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  if (ARENITE_UNLIKELY(!slab->is_start(offset))) slab::fault(if_none, slab, block);
  return slab->size();
}

// The same for a block that is to be resized. Ends the process if it is free, too.
inline size_t size_in_use(const void* block) {
  const size_t size = size_of(block, slab::Fault::realloc_invalid_pointer);
  const slab::Slab* slab = slab::slab_of(block);
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  if (ARENITE_UNLIKELY(slab::is_free(slab, slab->granule(offset))))
    slab::fault(slab::Fault::realloc_freed, slab, block);
  return size;
}

// Gives up this thread's slabs: it is ending, or slabs are to serve no more.
void leave_slabs();

}  // namespace arenite::cache
