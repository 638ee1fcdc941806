// Lock: a futex lock that fork can freeze.
//
// The word's states, and who may change what:
//
//   0 free      any thread  -> 1 (lock)
//   1 held      the holder  -> 0 (unlock), -> 3 (freeze);   a waiter -> 2 (I sleep now)
//   2 waited for   the holder  -> 0 and wakes one,  -> 3 and wakes all
//   3 frozen    the freezer -> 0 and wakes all (thaw)
//
// Frozen is fork's state: a forking thread takes each lock and freezes it, so that what it guards
// is whole when the kernel copies it, and thaws it in parent and child. A frozen lock is nobody's
// to wait for: a thread that waited here while it held one of stdio's locks would deadlock with
// fork, which takes those after us. lock_unless_frozen() therefore returns false, even to threads
// asleep when the freeze came, and its caller turns elsewhere.
//
// While the process has one thread, lock and unlock do nothing (libc says so in
// __libc_single_threaded, which only this thread's own pthread_create can change). freeze and thaw
// never look at that flag: it changes under fork.
//
// Orderings: the transition to 1 or 2 acquires, to 0 or 3 releases.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/base.hpp"

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace arenite::os {

// Whether this is the process's only thread. False where libc cannot tell.
ARENITE_INLINE bool single_threaded() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

class Lock {
 public:
  ARENITE_INLINE bool try_lock() {
    if (single_threaded()) return true;
    uint32_t expected = k_free;
    return word_.compare_exchange_strong(expected, k_held, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  // Waits. False, and not locked, if the lock is or becomes frozen.
  ARENITE_INLINE bool lock_unless_frozen() { return try_lock() || wait(false); }

  // Waits, through a freeze too: only for threads that can hold none of stdio's locks.
  ARENITE_INLINE void lock() {
    if (!try_lock()) wait(true);
  }

  ARENITE_INLINE void unlock() {
    if (single_threaded()) return;
    if (ARENITE_UNLIKELY(word_.exchange(k_free, std::memory_order_seq_cst) == k_waited_for))
      wake(1);
  }

  // Takes the lock, whatever the number of threads, and freezes it. Not if it is frozen.
  void freeze();
  void thaw();
  bool is_frozen() const { return word_.load(std::memory_order_relaxed) == k_frozen; }

  // The child of a fork starts over: the threads that held or awaited this are not in it.
  void forget() { word_.store(k_free, std::memory_order_relaxed); }

 private:
  static constexpr uint32_t k_free = 0;
  static constexpr uint32_t k_held = 1;
  static constexpr uint32_t k_waited_for = 2;
  static constexpr uint32_t k_frozen = 3;

  bool wait(bool through_freeze);
  void wake(int count);

  std::atomic<uint32_t> word_{k_free};
};

// After an unlock: no later load is earlier than a store before it. On x86 the unlock has seen to
// that already.
ARENITE_INLINE void barrier_after_unlock() {
#if defined(__x86_64__) || defined(__i386__)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// Waits for another thread that needs no lock to finish: until the word is neither `busy` nor
// `awaited`. Before it sleeps it makes `busy` into `awaited`. Whoever ends the state exchanges the
// word, and calls wake_waiters if it was `awaited`. What the other did before is seen.
void wait_while(std::atomic<uint32_t>& word, uint32_t busy, uint32_t awaited);
void wake_waiters(std::atomic<uint32_t>& word);

// Holds a lock for a scope.
class Holding {
 public:
  explicit Holding(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~Holding() { lock_.unlock(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  Lock& lock_;
};

}  // namespace arenite::os
