// Experiment spacing: how far apart are blocks of 1, 2, 3 … 100 bytes?
//
// Of each size many blocks are taken and none freed, sorted by address, and the distance that most
// neighbours have is the size's. Many, because the first of a size may come from elsewhere: from
// what the start of the program left, or, in arenite, from a heap before the size has a slab. The
// page spacing.md says what to expect and why.

#include <malloc.h>

#include <algorithm>
#include <cstdlib>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "spacing";
constexpr size_t k_largest = 100;
constexpr size_t k_blocks = 1000;

struct Size {
  uintptr_t distance;
  size_t usable;
};

uintptr_t s_addresses[k_blocks];

// The number that occurs most often; of several the smallest. Sorts them.
uintptr_t most_common(uintptr_t* first, uintptr_t* last) {
  std::sort(first, last);
  uintptr_t common = 0;
  std::ptrdiff_t most = 0;
  while (first != last) {
    uintptr_t* const next = std::upper_bound(first, last, *first);
    if (next - first > most) {
      most = next - first;
      common = *first;
    }
    first = next;
  }
  return common;
}

Size measure(size_t bytes) {
  size_t usable = 0;
  for (uintptr_t& address : s_addresses) {
    void* const block = malloc(bytes);
    if (block == nullptr) fail(1, k_program, "out of memory");
    usable = malloc_usable_size(block);
    address = reinterpret_cast<uintptr_t>(block);
  }
  std::sort(s_addresses, s_addresses + k_blocks);
  for (size_t i = 0; i + 1 < k_blocks; i++) s_addresses[i] = s_addresses[i + 1] - s_addresses[i];
  return {most_common(s_addresses, s_addresses + k_blocks - 1), usable};
}

constexpr char k_help[] =
    "usage: spacing\n"
    "Takes blocks of 1 to 100 bytes and prints the distance between neighbours, a JSON line a "
    "size.\n"
    "Best started by `arenite lab spacing`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv, k_program, k_help, {});
  Steps steps;
  Size sizes[k_largest + 1];
  steps.run("blocks taken", [&] {
    for (size_t bytes = 1; bytes <= k_largest; bytes++) sizes[bytes] = measure(bytes);
  });
  for (size_t bytes = 1; bytes <= k_largest; bytes++) {
    const Size& size = sizes[bytes];
    steps.row("sizes", {Figure::number("asked", bytes), Figure::number("distance", size.distance),
                        Figure::number("usable", size.usable),
                        Figure::number("lost", size.distance - bytes)});
  }
}
