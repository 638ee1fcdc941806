// A sawtooth: 64 MB of blocks of one size are built up and freed, 40 times.
//
// The price of giving memory back: an allocator that returns everything at once faults it all in
// again in each tooth, one that keeps everything is quick and stays large. The clock runs over the
// teeth; resident size is looked at right after the last and, with BENCH_SETTLE=1, once more after
// a second and one small call.
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("sawtooth", "64 MB built up and freed, 40 times", argc, argv);
  const std::size_t size = std::max<std::size_t>(16, program.count("size", 512, "of the blocks"));
  const std::size_t count = 64'000'000 / size;
  const std::uint64_t teeth = program.scaled(40);
  program.begin();

  std::uint64_t sum = 0;
  {
    std::vector<bench::Block> blocks;
    blocks.reserve(count);
    for (std::uint64_t tooth = 0; tooth < teeth; ++tooth) {
      for (std::size_t i = 0; i < count; ++i) {
        blocks.push_back(bench::Block::take(size, static_cast<std::uint32_t>(i + tooth)));
        if (size > 4096) bench::touch_pages(static_cast<char*>(blocks.back().data) + 8, size - 16);
      }
      for (bench::Block& block : blocks) sum += block.give();
      blocks.clear();
    }
  }
  return program.finish(2 * teeth * count, sum);
}
