// A program in a sandbox that forks: no call more than libc itself needs for it, in parent and
// child.

#include <pthread.h>

#include <atomic>

#include "sandbox.hpp"

using namespace sandbox;

namespace {

std::atomic<bool> g_is_over{false};
std::atomic<int> g_in_handlers{0};

// Handlers that were there before the library's: the parent's arenas are frozen when the first
// runs, and the child's have not been restarted when the last does.
void allocate_in_a_handler() {
  for (const std::size_t size : {30UL, 10'000UL, 20'000UL, 200'000UL}) free(take(size));
  g_in_handlers.fetch_add(1);
}
void register_early() {
  pthread_atfork(allocate_in_a_handler, allocate_in_a_handler, allocate_in_a_handler);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const g_early)() = register_early;

void* work(void*) {
  for (std::uint64_t seed = 1; !g_is_over.load(); ++seed) {
    Random random(seed);
    void* blocks[100] = {};
    for (void*& block : blocks) block = take(random.size(100'000) + 1);
    for (void* block : blocks) free(block);
  }
  return nullptr;
}

void fork_and_work() {
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
      come_and_go(100, 20'000, 9);
      come_and_go(20'000, 100, 3);
      come_and_go(300'000, 20, 3);
      _exit(0);
    }
    EXPECT_GOOD_END(child);
    come_and_go(200, 2000, 9);
  }
  EXPECT_EQ(g_in_handlers.load(), 20);
}

}  // namespace

CASE(alone) {
  enter_with_threads();
  fork_and_work();
}

CASE(beside_other_threads) {
  enter_with_threads();
  pthread_t threads[3];
  for (pthread_t& thread : threads) thread = start(work, nullptr);
  fork_and_work();
  g_is_over = true;
  for (pthread_t thread : threads) join(thread);
}
