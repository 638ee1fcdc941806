// 512 threads, each using 24 size classes up to 960 bytes, then idle: what does a thread cost?
//
// First as many threads that allocate nothing, for their stacks and thread-local storage; then
// threads that take one block of each of 40, 80, ... 960 bytes, write it, and wait. Figures in KiB
// a thread over an idle one: with the blocks held (12 KiB of them), with the blocks freed, and the
// resident size when all have ended.
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_classes = 24;

struct Stages {
  std::barrier<> held;
  std::barrier<> freeing;
  std::barrier<> freed;
  std::barrier<> ending;
};

void idle(Stages& stages, bool allocates) {
  std::array<bench::Block, k_classes> blocks{};
  if (allocates) {
    for (std::size_t i = 0; i < k_classes; ++i) {
      blocks[i] = bench::Block::take(40 * (i + 1), static_cast<std::uint32_t>(i));
      std::memset(static_cast<char*>(blocks[i].data) + 8, 1, blocks[i].size - 16);
    }
  }
  stages.held.arrive_and_wait();
  stages.freeing.arrive_and_wait();
  for (bench::Block& block : blocks) block.give();
  stages.freed.arrive_and_wait();
  stages.ending.arrive_and_wait();
}

struct Sizes {
  double held_kib = 0;
  double freed_kib = 0;
};

Sizes run(std::size_t count, bool allocates) {
  const auto all = static_cast<std::ptrdiff_t>(count + 1);
  Stages stages{std::barrier<>(all), std::barrier<>(all), std::barrier<>(all), std::barrier<>(all)};
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back(idle, std::ref(stages), allocates);
  Sizes sizes;
  stages.held.arrive_and_wait();
  sizes.held_kib = static_cast<double>(bench::resident_kib());
  stages.freeing.arrive_and_wait();
  stages.freed.arrive_and_wait();
  sizes.freed_kib = static_cast<double>(bench::resident_kib());
  stages.ending.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  return sizes;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("idle_threads", "the cost of threads that have allocated", argc, argv);
  const std::size_t count = program.scaled(512, 4);
  program.begin();

  const Sizes empty = run(count, false);
  // The C library keeps the stacks of ended threads: the start is measured with them.
  program.figure_rss("rss_before_kib");
  const Sizes used = run(count, true);
  program.figure_rss("rss_ended_kib");
  const auto threads = static_cast<double>(count);
  program.figure("held_kib_per_thread", (used.held_kib - empty.held_kib) / threads);
  program.figure("freed_kib_per_thread", (used.freed_kib - empty.freed_kib) / threads);
  return program.finish(count * k_classes * 2, count);
}
