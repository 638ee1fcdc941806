#include "os/sleep.hpp"

#include <pthread.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "os/futex.hpp"

namespace arenite::os {
namespace {

#ifdef SYS_futex
using FutexTime = struct {
  long seconds;
  long nanoseconds;
};
#else
using FutexTime = struct {
  int64_t seconds;
  int64_t nanoseconds;
};
#endif

// Enough for what we run, and for a program's static thread-local storage unless that is very
// large.
constexpr size_t k_small_stack = 64 * k_kib;

void* run(void* body) {
  reinterpret_cast<void (*)()>(body)();
  return nullptr;
}

constinit pthread_t g_thread{};

bool create(const pthread_attr_t* attributes, void (*body)()) {
  return pthread_create(&g_thread, attributes, run, reinterpret_cast<void*>(body)) == 0;
}

}  // namespace

void sleep_while(const std::atomic<uint32_t>& word, uint32_t value, uint32_t milliseconds) {
  const int saved = errno;
  FutexTime time{};
  time.seconds = static_cast<decltype(time.seconds)>(milliseconds / 1000);
  time.nanoseconds = static_cast<decltype(time.nanoseconds)>(milliseconds % 1000) * 1'000'000;
  syscall(k_futex, &word, FUTEX_WAIT_PRIVATE, value, milliseconds == k_for_ever ? nullptr : &time,
          nullptr, 0);
  errno = saved;
}

void wake_sleeper(std::atomic<uint32_t>& word) {
  const int saved = errno;
  syscall(k_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

bool start_thread(void (*body)()) {
  const int saved = errno;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
  pthread_attr_t small;
  bool started = false;
  if (pthread_attr_init(&small) == 0) {
    started = pthread_attr_setstacksize(&small, k_small_stack) == 0 && create(&small, body);
    pthread_attr_destroy(&small);
  }
  started = started || create(nullptr, body);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = saved;
  return started;
}

void join_thread() {
  const int saved = errno;
  pthread_join(g_thread, nullptr);
  errno = saved;
}

bool is_initial_thread() {
  return syscall(SYS_gettid) == syscall(SYS_getpid);
}

}  // namespace arenite::os
