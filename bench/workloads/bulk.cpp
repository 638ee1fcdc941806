// A mix of sizes up to 32 KiB, most of them small, retired in bulk.
//
// Blocks are taken in rounds and kept as generations. Every round retires the oldest generation in
// the order it was taken, every fourth also the newest in reverse, so that old and new blocks, long
// and short lives lie mixed on the same pages. With several threads each puts one generation in
// three on a common pile and retires one that another may have left there.
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

using Generation = std::vector<bench::Block>;

struct Pile {
  std::mutex mutex;
  std::deque<Generation> generations;
};

// Half the blocks up to 64 bytes, nine in ten up to 512, the last few up to 32 KiB.
std::size_t draw_size(bench::Random& random) {
  const std::uint64_t kind = random.below(100);
  if (kind < 50) return random.between(8, 64);
  if (kind < 90) return random.between(64, 512);
  if (kind < 98) return random.between(512, 4096);
  return random.between(4096, 32 * 1024);
}

std::uint64_t retire(Generation& generation, bool newest_first) {
  std::uint64_t sum = 0;
  if (newest_first) {
    for (std::size_t i = generation.size(); i-- > 0;) sum += generation[i].give();
  } else {
    for (bench::Block& block : generation) sum += block.give();
  }
  generation.clear();
  return sum;
}

std::uint64_t swap_with_pile(Pile& pile, Generation& generation) {
  Generation other;
  {
    const std::scoped_lock lock(pile.mutex);
    pile.generations.push_back(std::move(generation));
    if (pile.generations.size() > 8) {
      other = std::move(pile.generations.front());
      pile.generations.pop_front();
    }
  }
  bench::drop(generation);
  return retire(other, false);
}

void work(std::uint64_t rounds, std::uint64_t seed, Pile* pile, std::uint64_t& result) {
  bench::Random random(seed);
  std::deque<Generation> generations;
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Generation fresh;
    for (std::uint32_t i = 0; i < 500; ++i) {
      fresh.push_back(bench::Block::take(draw_size(random), i + 1));
    }
    generations.push_back(std::move(fresh));
    if (round % 4 == 3) {
      sum += retire(generations.back(), true);
      generations.pop_back();
    }
    if (generations.size() > 16) {
      if (pile != nullptr && round % 3 == 0) {
        sum += swap_with_pile(*pile, generations.front());
      } else {
        sum += retire(generations.front(), false);
      }
      generations.pop_front();
    }
  }
  for (Generation& generation : generations) sum += retire(generation, false);
  result = sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("bulk", "sizes to 32 KiB, retired in bulk", argc, argv);
  const std::size_t threads = std::max<std::size_t>(1, program.count("threads", 1, "at work"));
  const std::uint64_t rounds = program.scaled(50'000.0 / static_cast<double>(threads));
  program.begin();

  Pile pile;
  std::vector<std::uint64_t> sums(threads);
  std::vector<std::thread> workers;
  for (std::size_t i = 1; i < threads; ++i) {
    workers.emplace_back(work, rounds, 50 + i, &pile, std::ref(sums[i]));
  }
  work(rounds, 50, threads > 1 ? &pile : nullptr, sums[0]);
  for (std::thread& worker : workers) worker.join();
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  for (Generation& generation : pile.generations) sum += retire(generation, false);
  bench::drop(pile.generations);
  bench::drop(sums);
  bench::drop(workers);
  return program.finish(2 * threads * rounds * 500, sum);
}
