// Requests that come after main: from handlers of atexit, on_exit and at_quick_exit, from
// destructors of thread_local and static objects, from functions with the destructor attribute, and
// at last from the destructor of a library of the program (late.cpp), when the program's own have
// all run.
//
// Each stage hands a block on to the next, which must find it intact. The last one says on stderr
// how many there were; the case has announced that line, so that a stage that never runs is a
// failure.

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

extern void (*late_hook)();  // late.cpp

namespace {

// The block that goes from stage to stage, and how many have had it.
constinit bool handing_on = false;
constinit int stage = 0;
constinit void* block = nullptr;
constinit std::size_t block_size = 0;

void begin_with_first_block() {
  handing_on = true;
  block_size = 333;
  block = malloc(block_size);
  fill(block, block_size, 0);
}

void take_and_hand_on() {
  if (!handing_on) return;
  EXPECT(intact(block, block_size, static_cast<std::uint64_t>(stage)));
  block = realloc(block, block_size * 2);
  EXPECT(intact(block, block_size, static_cast<std::uint64_t>(stage)));
  free(block);
  ++stage;
  block_size = 100 + static_cast<std::size_t>(stage) * 40'000;  // the later ones have a mapping
  block = calloc(1, block_size);
  EXPECT(block != nullptr && all_bytes_are(block, block_size, 0));
  fill(block, block_size, static_cast<std::uint64_t>(stage));
  std::string text(static_cast<std::size_t>(stage) * 100, 'x');
  text += text;
  EXPECT_EQ(text.size(), stage * 200);
}

void report() {
  take_and_hand_on();
  free(block);
  char line[64];
  const int length = snprintf(line, sizeof(line), "after main: %d stages\n", stage);
  EXPECT(write(STDERR_FILENO, line, static_cast<std::size_t>(length)) == length);
}

struct TakesAtEnd {
  ~TakesAtEnd() { take_and_hand_on(); }
  std::vector<int> content = std::vector<int>(1000, 7);
};

TakesAtEnd static_object;
[[gnu::destructor(101)]] void last_destructor() {
  take_and_hand_on();
}
[[gnu::destructor]] void some_destructor() {
  take_and_hand_on();
}

}  // namespace

CASE(every_stage_of_exit_may_allocate) {
  expect_line("after main: 10 stages");
  begin_with_first_block();
  late_hook = report;
  static thread_local TakesAtEnd local_to_thread;
  static TakesAtEnd local_to_function;
  EXPECT_EQ(local_to_thread.content.size() + local_to_function.content.size(), 2000);
  EXPECT_EQ(atexit([] { take_and_hand_on(); }), 0);
  EXPECT_EQ(on_exit([](int, void*) { take_and_hand_on(); }, nullptr), 0);
  // A handler that registers another one while the handlers run.
  EXPECT_EQ(atexit([] {
              take_and_hand_on();
              atexit(take_and_hand_on);
            }),
            0);
}

CASE(quick_exit_handlers_may_allocate) {
  expect_line("after main: 3 stages");
  begin_with_first_block();
  EXPECT_EQ(at_quick_exit(report), 0);
  EXPECT_EQ(at_quick_exit(take_and_hand_on), 0);
  EXPECT_EQ(at_quick_exit(take_and_hand_on), 0);
  quick_exit(0);
}

CASE(other_threads_go_on_allocating_while_the_process_exits) {
  expect_line("after main: 6 stages");
  begin_with_first_block();
  late_hook = report;
  static std::atomic<int> busy{0};
  for (int i = 0; i < 4; ++i) {
    std::thread([i] {
      Random random(static_cast<std::uint64_t>(i));
      for (std::uint64_t round = 0;; ++round) {
        const std::size_t size = random.size(100'000);
        void* p = keep(malloc(size));
        fill(p, size, round);
        EXPECT(intact(p, size, round));
        free(p);
        if (round == 100) ++busy;
      }
    }).detach();
  }
  while (busy < 4) usleep(1000);
  EXPECT_EQ(atexit([] {
              take_and_hand_on();
              usleep(100'000);
            }),
            0);
  EXPECT_EQ(atexit(take_and_hand_on), 0);
  exit(0);
}

CASE(threads_may_outlive_main) {
  expect_line("after main: 5 stages");
  static pthread_t main_thread = pthread_self();
  begin_with_first_block();
  late_hook = report;
  EXPECT_EQ(atexit(take_and_hand_on), 0);
  std::thread([] {
    EXPECT_EQ(pthread_join(main_thread, nullptr), 0);
    // The main thread's block, used and freed here, after its end.
    EXPECT(intact(block, block_size, 0));
    std::vector<std::string> more(5000, "after the main thread's end");
    EXPECT_EQ(more.back().size(), 27);
    exit(0);
  }).detach();
  pthread_exit(nullptr);
}
