// Large blocks, 5 to 25 MiB, replaced at random and written in full.
//
// Most of the time goes into page faults: mapping and unmapping each block pays for every page
// every time, reusing a warm mapping does not, and a cache that only takes near-equal sizes seldom
// finds one.
#include <vector>

#include "common.hpp"

namespace {

struct Large {
  unsigned char* data = nullptr;
  std::size_t size = 0;
  unsigned char fill = 0;
};

void take(Large& block, std::size_t size, unsigned char fill) {
  block = {static_cast<unsigned char*>(bench::allocate(size)), size, fill};
  std::memset(block.data, fill, size);
}

std::uint64_t give(Large& block) {
  if (block.data == nullptr) return 0;
  for (std::size_t at = 0; at < block.size; at += 4096) {
    if (block.data[at] != block.fill) bench::fail("a large block was overwritten at %zu", at);
  }
  std::free(block.data);
  block.data = nullptr;
  return block.size + block.fill;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("large", "blocks of 5 to 25 MiB replaced at random", argc, argv);
  const std::size_t live = program.count("live", 20, "blocks at once");
  const std::uint64_t replacements =
      program.scaled(static_cast<double>(program.count("replacements", 500, "at scale 1")));
  program.begin();

  constexpr std::uint64_t k_mib = 1U << 20U;
  bench::Random random(9);
  std::vector<Large> blocks(live);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < replacements; ++i) {
    Large& block = blocks[i < live ? i : random.below(live)];
    sum += give(block);
    take(block, random.between(5 * k_mib, 25 * k_mib), static_cast<unsigned char>(i));
  }
  program.figure_rss("rss_live_kib");
  for (Large& block : blocks) sum += give(block);
  bench::drop(blocks);
  return program.finish(2 * replacements, sum);
}
