// A std::map with five million entries: filled in random order, looked up, cleared.
//
// One small block an entry, all live at once, reached in an order that has nothing to do with the
// order they were taken in: the time is that of cache and TLB misses, so that the layout and the
// page size the allocator chooses count for more than its calls.
#include <map>

#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("map", "a map of 5,000,000 entries", argc, argv);
  const std::uint64_t entries = program.shrunk(5'000'000, 1000);
  const std::uint64_t lookups = program.scaled(1'000'000);
  program.begin();

  std::map<std::uint64_t, std::uint64_t> map;
  const double started = bench::now_seconds();
  for (std::uint64_t i = 0; i < entries; ++i) map.emplace(bench::Random(i).next(), i);
  if (map.size() != entries) bench::fail("the map holds %zu entries", map.size());
  const double filled = bench::now_seconds();
  program.figure("insert_seconds", filled - started);
  std::uint64_t sum = 0;
  bench::Random random(1);
  for (std::uint64_t i = 0; i < lookups; ++i) {
    const std::uint64_t wanted = random.below(entries);
    const auto found = map.find(bench::Random(wanted).next());
    if (found == map.end() || found->second != wanted) bench::fail("an entry was lost");
    sum += found->second;
  }
  program.figure("lookup_seconds", bench::now_seconds() - filled);
  program.figure_rss("rss_full_kib");
  map.clear();
  program.figure_rss("rss_cleared_kib");
  return program.finish(2 * entries + lookups, sum);
}
