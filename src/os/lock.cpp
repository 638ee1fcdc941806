#include "os/lock.hpp"

#include <unistd.h>
#include <cerrno>
#include <climits>

#include "os/futex.hpp"

namespace arenite::os {
namespace {

// How often to look before going to sleep: a holder is done within some hundred instructions.
constexpr int k_spins = 40;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ARENITE_SELDOM_APART bool Lock::wait(bool through_freeze) {
  const int saved = errno;
  bool locked = false;
  for (int spin = 0; spin < k_spins && !locked; spin++) {
    pause();
    uint32_t expected = k_free;
    locked = word_.load(std::memory_order_relaxed) == k_free &&
             word_.compare_exchange_weak(expected, k_held, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  while (!locked) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    if (seen == k_free) {
      // As waited for, not as held: others may sleep, and their waker may have been us.
      locked = word_.compare_exchange_weak(seen, k_waited_for, std::memory_order_acquire,
                                           std::memory_order_relaxed);
    } else if (seen == k_held) {
      word_.compare_exchange_weak(seen, k_waited_for, std::memory_order_relaxed);
    } else if (seen == k_frozen && !through_freeze) {
      break;
    } else {
      syscall(k_futex, &word_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    }
  }
  errno = saved;
  return locked;
}

ARENITE_SELDOM_APART void Lock::wake(int count) {
  const int saved = errno;
  syscall(k_futex, &word_, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  errno = saved;
}

ARENITE_APART void Lock::freeze() {
  uint32_t expected = k_free;
  if (!word_.compare_exchange_strong(expected, k_held, std::memory_order_acquire,
                                     std::memory_order_relaxed))
    wait(true);
  word_.store(k_frozen, std::memory_order_release);
  wake(INT_MAX);
}

void Lock::thaw() {
  word_.store(k_free, std::memory_order_release);
  wake(INT_MAX);
}

ARENITE_COLD void wait_while(std::atomic<uint32_t>& word, uint32_t busy, uint32_t awaited) {
  const int saved = errno;
  for (int spin = 0; spin < k_spins; spin++) {
    if (word.load(std::memory_order_acquire) != busy) break;
    pause();
  }
  for (;;) {
    uint32_t seen = word.load(std::memory_order_acquire);
    if (seen != busy && seen != awaited) break;
    if (seen == awaited || word.compare_exchange_strong(seen, awaited, std::memory_order_relaxed))
      syscall(k_futex, &word, FUTEX_WAIT_PRIVATE, awaited, nullptr, nullptr, 0);
  }
  errno = saved;
}

ARENITE_COLD void wake_waiters(std::atomic<uint32_t>& word) {
  const int saved = errno;
  syscall(k_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  errno = saved;
}

}  // namespace arenite::os
