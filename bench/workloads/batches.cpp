// Batches: a hundred blocks are taken, then all are given back, first out first or in random order.
//
// First out first is a queue's order, the opposite of what a stack-like cache likes; random order
// is what a container that was filled and shuffled does. One size, or a mix of sizes from 16 bytes
// to 1 KiB in which no two neighbours are alike.
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_patterns = 64;

struct Pattern {
  std::vector<std::uint32_t> sizes;
  std::vector<std::uint32_t> order;
};

Pattern make_pattern(std::size_t batch, bool mixed, std::size_t size, bool in_order,
                     bench::Random& random) {
  Pattern pattern;
  for (std::uint32_t i = 0; i < batch; ++i) {
    pattern.sizes.push_back(
        static_cast<std::uint32_t>(mixed ? random.log_between(16, 1024) : size));
    pattern.order.push_back(i);
  }
  if (!in_order) {
    for (std::size_t i = batch - 1; i > 0; --i) {
      std::swap(pattern.order[i], pattern.order[random.below(i + 1)]);
    }
  }
  return pattern;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("batches", "batches taken, then freed in order or at random", argc, argv);
  const bool in_order = program.choose("order", "fifo", "random", "fifo or random");
  const bool fixed = program.choose("sizes", "fixed", "mixed", "fixed or mixed");
  const std::size_t size = program.count("size", 64, "bytes of a block where sizes are fixed");
  const std::size_t batch = program.count("batch", 100, "blocks in a batch");
  const std::uint64_t rounds = program.scaled(1'000'000);
  program.begin();

  bench::Random random(11);
  std::vector<Pattern> patterns;
  for (std::size_t i = 0; i < k_patterns; ++i) {
    patterns.push_back(make_pattern(batch, !fixed, size, in_order, random));
  }
  std::vector<void*> blocks(batch);
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const Pattern& pattern = patterns[round % k_patterns];
    for (std::size_t i = 0; i < batch; ++i) {
      blocks[i] = bench::allocate(pattern.sizes[i]);
      bench::stamp(blocks[i], pattern.sizes[i], round + i);
    }
    for (const std::uint32_t i : pattern.order) {
      sum += bench::check_stamp(blocks[i], pattern.sizes[i], round + i);
      std::free(blocks[i]);
    }
  }
  bench::drop(blocks);
  bench::drop(patterns);
  return program.finish(2 * rounds * batch, sum);
}
