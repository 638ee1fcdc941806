// Middle sizes, 8 KiB to 1 MiB, replaced at random, every page touched.
//
// Too large for caches of small blocks, mostly too small for mappings of their own: the sizes of
// buffers, images and compressed pages, where fragmentation is made and best fit pays.
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("middle", "blocks of 8 KiB to 1 MiB replaced at random", argc, argv);
  const std::size_t live = program.count("live", 400, "blocks at once");
  const std::uint64_t replacements = program.scaled(750'000);
  program.begin();

  bench::Random random(13);
  std::vector<bench::Block> blocks(live);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < replacements; ++i) {
    bench::Block& block = blocks[random.below(live)];
    sum += block.give();
    const std::size_t size = random.log_between(8 * 1024, 1024 * 1024);
    block = bench::Block::take(size, static_cast<std::uint32_t>(i));
    // Offset by half a page, so that the stamp at the start stays.
    bench::touch_pages(static_cast<char*>(block.data) + 2048, size - 4096);
  }
  program.figure_rss("rss_live_kib");
  for (bench::Block& block : blocks) sum += block.give();
  bench::drop(blocks);
  return program.finish(2 * replacements, sum);
}
