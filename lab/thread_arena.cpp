// Experiment thread-arena: what does a thread cost the process, its stack and its arena?
//
// Threads do one thing at a time, as the main thread tells them. The first is created and asks for
// 1,000 bytes, once, again, and a thousand times; the second does the same while the first is still
// there. Then both end, and a third is created. The page thread-arena.md says what to expect and
// why.

#include <cstdlib>

#include "steps.hpp"
#include "worker.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "thread_arena";
constexpr size_t k_bytes = 1000;
constexpr size_t k_many = 1000;

void* take() {
  void* const block = malloc(k_bytes);
  if (block == nullptr) fail(1, k_program, "out of memory");
  use(block);
  return block;
}

// A thread's blocks; outside of the heap that is measured.
struct Blocks {
  void* taken[k_many + 2];
  size_t count = 0;

  void add(size_t more) {
    while (more-- > 0) taken[count++] = take();
  }
  void free_all() {
    while (count > 0) free(taken[--count]);
  }
};

Blocks s_main;
Blocks s_first;
Blocks s_second;
Blocks s_third;

void run() {
  Steps steps;
  Worker first;
  Worker second;
  Worker third;
  const auto asks = [&](std::string_view name, Worker& worker, Blocks& blocks, size_t count) {
    steps.run(name, [&] { worker.perform([&] { blocks.add(count); }); });
  };
  steps.run("main asks", [] { s_main.add(1); });

  steps.run("thread 1 created", [&] { first.start(); });
  asks("1 asks", first, s_first, 1);
  asks("1 asks again", first, s_first, 1);
  asks("1 asks 1,000 times", first, s_first, k_many);

  steps.run("thread 2 created", [&] { second.start(); });
  asks("2 asks", second, s_second, 1);
  asks("2 asks again", second, s_second, 1);
  asks("2 asks 1,000 times", second, s_second, k_many);

  steps.run("1 frees all", [&] { first.perform([] { s_first.free_all(); }); });
  steps.run("1 and 2 ended", [&] {
    first.end();
    second.end();
  });
  steps.run("thread 3 created", [&] { third.start(); });
  asks("3 asks", third, s_third, 1);
  third.end();
}

constexpr char k_help[] =
    "usage: thread_arena\n"
    "Creates threads that ask for 1,000 bytes, and prints one JSON line a step.\n"
    "Best started by `arenite lab thread-arena`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv, k_program, k_help, {});
  run();
}
