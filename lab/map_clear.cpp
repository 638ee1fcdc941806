// Experiment map-clear: a large std::map is filled, read, cleared. Does its memory go back?
//
// A program keeps a table of files by a 128-bit fingerprint, uses it once, calls clear(), and finds
// that the process stays as large as it was. This is that program and nothing else: a red-black
// tree of N nodes, each one small block from operator new.
//
//   node  [ colour, parent, left, right : 32 | key : 16 | value : 8 ]  = 56 bytes
//
// Keys are a hash of a counter, so that neighbours in the tree are strangers in memory, as with
// real fingerprints. The page map-clear.md says what to expect and why.

#include <map>
#include <new>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

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

int run(uint64_t entries) {
  Steps steps;
  std::map<Key, uint64_t> map;
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
  if (right != entries) fail(1, "map_clear", "the map lost or changed an entry");
  steps.run("cleared", [&] { map.clear(); });
  steps.run("one second later", [] { sleep_seconds(1); });
  return 0;
}

constexpr char k_help[] =
    "usage: map_clear [--entries N]\n"
    "Fills, reads and clears a std::map of N entries (5,000,000) and prints one JSON line a step.\n"
    "Best started by `arenite lab map-clear`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t entries = k_default_entries;
  read_arguments(argc, argv, "map_clear", k_help, {{"--entries", &entries, 1, k_most_entries}});
  try {
    return run(entries);
  } catch (const std::bad_alloc&) {
    fail(1, "map_clear", "out of memory");
  }
}
