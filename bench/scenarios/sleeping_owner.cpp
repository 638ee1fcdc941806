// A producer takes 300 MB and sleeps for good; another thread frees it all.
//
// The owner never calls the allocator again, so nothing that waits for it to clean up will ever
// happen. Figure: resident size when all is freed and the owner still asleep.
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("sleeping_owner", "others free what a sleeping thread took", argc, argv);
  const std::size_t count = program.scaled(300'000, 100);
  program.begin();

  std::vector<bench::Block> blocks;
  std::barrier taken(2);
  std::barrier done(2);
  std::thread owner([&] {
    blocks.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      blocks.push_back(bench::Block::take(1000, static_cast<std::uint32_t>(i)));
    }
    taken.arrive_and_wait();
    done.arrive_and_wait();
  });
  taken.arrive_and_wait();
  program.figure_rss("rss_full_kib");
  std::uint64_t sum = 0;
  for (bench::Block& block : blocks) sum += block.give();
  bench::drop(blocks);
  program.figure_rss("rss_asleep_kib");
  const int status = program.finish(2 * count, sum);  // looked at with the owner still asleep
  done.arrive_and_wait();
  owner.join();
  return status;
}
