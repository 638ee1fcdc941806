// A 92 MiB peak is freed down to 10 MiB, then a minute without a call: does it stay at 10 MiB?
//
// Where freed pages lie in ranges advised to be huge, the kernel may fill the holes again behind
// the allocator's back. The blocks that stay are whole 64 KiB runs spread evenly over the heap;
// while idle, fifty of them are read now and then. Figures: resident size full, freed, and after
// idling.
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("idle_huge", "freed memory must not come back while idle", argc, argv);
  const double idle_seconds = program.number("idle", 60, "seconds without a call, times the scale");
  program.begin();

  constexpr std::size_t k_size = 512;
  constexpr std::size_t k_run = 64 * 1024 / k_size;
  constexpr std::size_t k_stride = 9;  // one run in nine and a bit stays: 10 of 92 MiB
  const std::size_t count = std::size_t{92} * 1024 * 1024 / k_size;
  std::vector<bench::Block> blocks;
  blocks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(bench::Block::take(k_size, static_cast<std::uint32_t>(i)));
  }
  program.figure_rss("rss_full_kib");
  const std::size_t staying = (count / k_run / k_stride + 1) * k_run;
  program.figure("need_kib",
                 static_cast<double>(staying * k_size + count * sizeof(bench::Block)) / 1024);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i / k_run % k_stride != 0) sum += blocks[i].give();
  }
  program.figure_rss("rss_shrunk_kib");
  const double idle_until = idle_seconds * program.scale();
  for (double idled = 0; idled < idle_until; idled += 1) {
    program.sleep_unclocked(std::min(1.0, idle_until - idled));
    for (std::size_t i = 0; i < 50; ++i) {
      const std::size_t run = i * (count / k_run / 50) / k_stride * k_stride;
      const bench::Block& block = blocks[run * k_run];
      bench::check_stamp(block.data, block.size, block.tag);
    }
  }
  program.figure_rss("rss_idle_kib");
  for (bench::Block& block : blocks) sum += block.give();
  bench::drop(blocks);
  return program.finish(2 * count, sum);
}
