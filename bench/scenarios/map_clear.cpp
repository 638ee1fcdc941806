// A map of 5,000,000 entries is filled, looked up and cleared: is the memory back at once?
//
// The complaint this scenario stands for: a program clears its largest container and the process
// stays as large as it was. Figures: resident size at the start, full, right after clear();
// processor seconds of insert, lookup and clear.
#include <map>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("map_clear", "a map of 5,000,000 entries is cleared", argc, argv);
  const std::uint64_t entries = program.scaled(5'000'000, 1000);
  program.begin();

  std::map<std::uint64_t, std::uint64_t> map;
  const double started = bench::cpu_seconds();
  for (std::uint64_t i = 0; i < entries; ++i) map.emplace(bench::Random(i).next(), i);
  const double filled = bench::cpu_seconds();
  std::uint64_t sum = 0;
  bench::Random random(1);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const auto found = map.find(bench::Random(random.below(entries)).next());
    if (found == map.end()) bench::fail("an entry was lost");
    sum += found->second;
  }
  const double looked_up = bench::cpu_seconds();
  program.figure_rss("rss_full_kib");
  const double clearing = bench::cpu_seconds();
  map.clear();
  program.figure("clear_seconds", bench::cpu_seconds() - clearing);
  program.figure_rss("rss_cleared_kib");
  program.figure("insert_seconds", filled - started);
  program.figure("lookup_seconds", looked_up - filled);
  return program.finish(3 * entries, sum);
}
