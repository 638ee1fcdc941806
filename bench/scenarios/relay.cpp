// Thread 1 uses and frees 300 MB of 1,000-byte blocks, then thread 2 does the same.
//
// Thread 1 stays alive, asleep. What it freed must be back, or at least serve thread 2: memory does
// not belong to whoever freed it last. Figures: resident size between the two, after both, and the
// peak against the need of one.
#include <barrier>
#include <thread>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t k_size = 1000;

std::uint64_t use(std::size_t count) {
  std::uint64_t sum = 0;
  std::vector<bench::Block> blocks;
  blocks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(bench::Block::take(k_size, static_cast<std::uint32_t>(i)));
  }
  for (bench::Block& block : blocks) sum += block.give();
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("relay", "two threads use 300 MB one after the other", argc, argv);
  const std::size_t count = program.scaled(300'000, 100);
  program.begin();
  program.figure("need_kib", static_cast<double>(count) * (k_size + sizeof(bench::Block)) / 1024);

  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::barrier used(2);
  std::barrier done(2);
  std::thread one([&] {
    first = use(count);
    used.arrive_and_wait();
    done.arrive_and_wait();  // asleep, with whatever its caches hold
  });
  used.arrive_and_wait();
  program.figure_rss("rss_between_kib");
  std::thread two([&] { second = use(count); });
  two.join();
  program.figure_rss("rss_both_kib");
  done.arrive_and_wait();
  one.join();
  return program.finish(4 * count, first + second);
}
