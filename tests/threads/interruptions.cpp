// Cancellation and signals that arrive between calls, and inside them: they leave nothing broken.
// The handlers allocate nothing, as handlers must.

#include <malloc.h>
#include <pthread.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

std::atomic<long> signals_seen{0};

void count_signal(int) {
  signals_seen.fetch_add(1, std::memory_order_relaxed);
}

void work(Random& random, int steps) {
  void* blocks[40] = {};
  std::size_t sizes[40] = {};
  for (int i = 0; i < steps; ++i) {
    const std::size_t slot = random.below(40);
    if (blocks[slot] != nullptr) EXPECT(intact(blocks[slot], sizes[slot], slot));
    sizes[slot] = random.size(i % 200 == 0 ? 300000 : 3000);
    blocks[slot] = realloc(blocks[slot], sizes[slot] + 1);
    EXPECT(blocks[slot] != nullptr);
    fill(blocks[slot], sizes[slot], slot);
  }
  for (void* p : blocks) free(p);
}

void free_it(void* p) {
  free(p);
}

// A thread that is cancelled at pthread_testcancel, between calls; its cleanup frees.
void* work_until_cancelled(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  for (;;) {
    void* p = malloc(random.size(5000));
    pthread_cleanup_push(free_it, p);
    work(random, 5);
    pthread_testcancel();
    pthread_cleanup_pop(1);
  }
}

}  // namespace

CASE(cancelled_threads_leave_the_heap_whole) {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    pthread_t threads[3];
    for (std::uintptr_t t = 0; t < 3; ++t)
      EXPECT_EQ(pthread_create(&threads[t], nullptr, work_until_cancelled,
                               reinterpret_cast<void*>(t + 1)),
                0);
    work(random, 50);
    for (pthread_t thread : threads) EXPECT_EQ(pthread_cancel(thread), 0);
    for (pthread_t thread : threads) {
      void* result = nullptr;
      EXPECT_EQ(pthread_join(thread, &result), 0);
      EXPECT(result == PTHREAD_CANCELED);
    }
  }
  EXPECT_AT_MOST(mallinfo2().uordblks + mallinfo2().hblkhd, 1_MiB);
}

CASE(malloc_and_free_are_no_cancellation_points) {
  // A pending cancellation stays pending through any number of calls.
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  pthread_cancel(pthread_self());
                  Random random(2);
                  work(random, 2000);
                  malloc_trim(0);
                  mallinfo2();
                  signals_seen = 4711;  // reached in spite of the cancellation
                  pthread_testcancel();
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
  EXPECT_EQ(signals_seen, 4711);
}

CASE(signals_at_any_moment_leave_the_heap_whole) {
  struct sigaction action {};
  action.sa_handler = count_signal;
  action.sa_flags = SA_RESTART;
  EXPECT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  static std::atomic<bool> stop{false};
  pthread_t threads[3];
  for (std::uintptr_t t = 0; t < 3; ++t)
    EXPECT_EQ(pthread_create(
                  &threads[t], nullptr,
                  [](void* seed) -> void* {
                    Random random(reinterpret_cast<std::uintptr_t>(seed) + 5);
                    while (!stop) work(random, 100);
                    return nullptr;
                  },
                  reinterpret_cast<void*>(t)),
              0);
  for (int i = 0; signals_seen < 1500; ++i) {
    EXPECT_EQ(pthread_kill(threads[i % 3], SIGUSR1), 0);
    if (i % 3 == 2) usleep(50);  // signals that wait for the same thread are delivered as one
  }
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

CASE(signals_without_restart_interrupt_nothing) {
  // No system call of the allocator may end early with EINTR and be taken for a failure.
  struct sigaction action {};
  action.sa_handler = count_signal;
  EXPECT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  const itimerval every_200_us{{0, 200}, {0, 200}};
  EXPECT_EQ(setitimer(ITIMER_REAL, &every_200_us, nullptr), 0);
  for (int i = 0; i < 80; ++i) {
    void* large = malloc(3_MiB);
    EXPECT(large != nullptr);
    large = realloc(large, 9_MiB);
    EXPECT(large != nullptr);
    free(large);
    void* blocks[60];
    for (void*& p : blocks) EXPECT((p = malloc(60000)) != nullptr);
    for (void* p : blocks) free(p);
    malloc_trim(0);
  }
  const itimerval off{};
  EXPECT_EQ(setitimer(ITIMER_REAL, &off, nullptr), 0);
  EXPECT_AT_LEAST(signals_seen, 5);
}

CASE(a_handler_may_leave_by_siglongjmp_between_calls) {
  static sigjmp_buf place;
  static volatile sig_atomic_t between_calls = 0;
  static volatile long jumps = 0;
  struct sigaction action {};
  action.sa_handler = [](int) {
    if (between_calls) {
      between_calls = 0;
      siglongjmp(place, 1);
    }
  };
  EXPECT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  const itimerval every_500_us{{0, 500}, {0, 500}};
  EXPECT_EQ(setitimer(ITIMER_REAL, &every_500_us, nullptr), 0);
  static void* p;
  p = nullptr;
  if (sigsetjmp(place, 1) != 0) jumps = jumps + 1;
  while (jumps < 100) {
    between_calls = 0;
    free(p);
    p = malloc(static_cast<std::size_t>(jumps) * 100);
    EXPECT(p != nullptr);
    between_calls = 1;
    usleep(1);
  }
  const itimerval off{};
  EXPECT_EQ(setitimer(ITIMER_REAL, &off, nullptr), 0);
  Random random(4);
  work(random, 2000);
}
