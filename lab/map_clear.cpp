// Experiment map-clear: a large std::map is filled, read, cleared. Does its memory go back?
//
// A program keeps a table of files by a 128-bit fingerprint, uses it once, calls clear(), and finds
// that the process stays as large as it was. This is that program and nothing else: a red-black
// tree of N nodes, each one small block from operator new.
//
//   node  [ colour, parent, left, right : 32 | key : 16 | value : 8 ]  = 56 bytes
//
// Keys are a hash of a counter, so that neighbours in the tree are strangers in memory, as with
// real fingerprints. With --region 1 the same map lies in a region of its own (region.hpp), and
// what takes the place of clear() is the region's end: an answer that asks the allocator for
// nothing. The page map-clear.md says what to expect and why.

#include <map>
#include <new>

#include "region.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "map_clear";
constexpr uint64_t k_default_entries = 5'000'000;
constexpr uint64_t k_most_entries = 1'000'000'000;

struct Key {
  uint64_t high;
  uint64_t low;
  bool operator<(const Key& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

// A one-to-one scrambling of 64 bits: two multiplications by odd constants with the upper half
// folded into the lower between them. Different counters never give the same key.
uint64_t scramble(uint64_t n) {
  n ^= n >> 32;
  n *= 0xd6e8feb86659fd93;
  n ^= n >> 32;
  n *= 0xd6e8feb86659fd93;
  return n ^ (n >> 32);
}

Key key_of(uint64_t n) {
  return {scramble(n), scramble(~n)};
}

template <typename Map>
void fill_and_look_up(Steps& steps, Map& map, uint64_t entries) {
  steps.run("filled", [&] {
    for (uint64_t i = 0; i < entries; i++) map.emplace(key_of(i), i);
  });
  uint64_t right = 0;
  steps.run("looked up", [&] {
    for (uint64_t i = 0; i < entries; i++) {
      const auto found = map.find(key_of(i));
      if (found != map.end() && found->second == i) right++;
    }
  });
  if (right != entries) fail(1, k_program, "the map lost or changed an entry");
}

void run(uint64_t entries) {
  Steps steps;
  std::map<Key, uint64_t> map;
  fill_and_look_up(steps, map, entries);
  steps.run("cleared", [&] { map.clear(); });
  steps.run("one second later", [] { sleep_seconds(1); });
}

// The map itself lies in the region, too, and is not destroyed but forgotten: clear() would visit
// every node only to give each back to a region that takes nothing.
void run_over_a_region(uint64_t entries) {
  Steps steps;
  Region region;
  using Map = std::pmr::map<Key, uint64_t>;
  void* const place = region.allocate(sizeof(Map), alignof(Map));
  fill_and_look_up(steps, *new (place) Map(&region), entries);
  steps.run("cleared", [&] { region.end(); });
  steps.run("one second later", [] { sleep_seconds(1); });
}

constexpr char k_help[] =
    "usage: map_clear [--entries N] [--region 0|1]\n"
    "Fills, reads and clears a std::map of N entries (5,000,000) and prints one JSON line a step.\n"
    "With --region 1 its nodes lie in a region, which is unmapped at once.\n"
    "Best started by `arenite lab map-clear`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t entries = k_default_entries;
  uint64_t is_region = 0;
  read_arguments(argc, argv, k_program, k_help,
                 {{"--entries", &entries, 1, k_most_entries}, {"--region", &is_region, 0, 1}});
  try {
    is_region != 0 ? run_over_a_region(entries) : run(entries);
  } catch (const std::bad_alloc&) {
    fail(1, k_program, "out of memory");
  }
}
