// Random replacement in a large live set: free a block picked at random, take another in its place.
//
// The set (16 to 256 bytes a block, over a hundred megabytes) is far larger than any cache, so that
// each operation meets cold memory and cold bookkeeping. `fresh` starts from a set just built in
// order; `halved` builds twice the set and frees a random half first, which leaves every page full
// of holes: the state of a server after a week.
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("replacement", "random replacement in a large live set", argc, argv);
  const bool fresh = program.choose("start", "fresh", "halved", "fresh or halved");
  const std::size_t live = program.shrunk(800'000, 100);
  const std::uint64_t replacements = program.scaled(6'000'000);
  program.begin();

  bench::Random random(7);
  std::vector<bench::Block> blocks;
  blocks.reserve(2 * live);
  const std::size_t built = fresh ? live : 2 * live;
  std::uint32_t tag = 0;
  for (std::size_t i = 0; i < built; ++i) {
    blocks.push_back(bench::Block::take(random.between(16, 256), ++tag));
  }
  std::uint64_t sum = 0;
  while (blocks.size() > live) {
    bench::Block& victim = blocks[random.below(blocks.size())];
    sum += victim.give();
    victim = blocks.back();
    blocks.pop_back();
  }
  program.figure_rss("rss_built_kib");
  for (std::uint64_t i = 0; i < replacements; ++i) {
    bench::Block& victim = blocks[random.below(live)];
    sum += victim.give();
    victim = bench::Block::take(random.between(16, 256), ++tag);
  }
  program.figure_rss("rss_live_kib");
  for (bench::Block& block : blocks) sum += block.give();
  bench::drop(blocks);
  return program.finish(2 * (built + replacements), sum);
}
