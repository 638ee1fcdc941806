// A server: each thread keeps a table of blocks, replaces them at random, and after a while hands
// the whole table to a new thread and goes.
//
// So most blocks are freed by a thread that did not take them, and whose taker is long gone
// (Larson and Krishnan's picture of a server that starts a thread for each connection). An
// allocator that keeps memory with the thread that took it collects it in dead threads; one that
// gives it to the thread that frees it mixes cache lines of different threads.
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

struct alignas(128) Lane {  // a line of threads, each the heir of the one before
  std::vector<bench::Block> table;
  std::vector<std::thread> heirs;
  bench::Random random{0};
  std::uint64_t sum = 0;
  std::uint64_t operations = 0;
};

void work(Lane& lane, std::size_t generation, std::size_t generations) {
  for (std::uint64_t i = 0; i < lane.operations; ++i) {
    bench::Block& block = lane.table[lane.random.below(lane.table.size())];
    lane.sum += block.give();
    block = bench::Block::take(lane.random.between(16, 1024), static_cast<std::uint32_t>(i));
  }
  if (generation + 1 < generations) {
    lane.heirs[generation + 1] = std::thread(work, std::ref(lane), generation + 1, generations);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("server", "blocks handed from thread to thread", argc, argv);
  const std::size_t threads = program.count("threads", bench::threads_crowded(), "at work at once");
  const std::uint64_t operations = program.scaled(500'000);
  const std::size_t generations = program.count("generations", 30, "of threads in a line");
  program.begin();

  std::vector<Lane> lanes(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    lanes[i].random = bench::Random(100 + i);
    lanes[i].operations = operations;
    lanes[i].heirs.resize(generations);
    for (int k = 0; k < 2000; ++k) {
      lanes[i].table.push_back(bench::Block::take(lanes[i].random.between(16, 1024), 1));
    }
  }
  for (Lane& lane : lanes) lane.heirs[0] = std::thread(work, std::ref(lane), 0, generations);
  for (Lane& lane : lanes) {
    for (std::thread& heir : lane.heirs) heir.join();  // each starts its heir before it ends
  }
  std::uint64_t sum = 0;
  for (Lane& lane : lanes) {
    for (bench::Block& block : lane.table) lane.sum += block.give();
    sum += lane.sum;
  }
  bench::drop(lanes);
  return program.finish(2 * threads * operations * generations, sum);
}
