// The main arena where the break may not move: its memory is mapped, run by run, and a free must
// find out that a block lies there. What that costs may not depend on how many runs there are.

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "instructions.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

// A run is a mebibyte at least, and holds one of these.
constexpr std::size_t k_block = 600_KiB;
constexpr int k_few = 8, k_many = 3000;

void* blocks[k_many];

void block_the_break() {
  const std::uintptr_t page = (program_break() + 4095) & ~std::uintptr_t{4095};
  void* wall = mmap(reinterpret_cast<void*>(page), 4096, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  EXPECT(wall == reinterpret_cast<void*>(page));
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
}

void take_until(int& taken, int count) {
  for (; taken < count; ++taken) {
    blocks[taken] = keep(malloc(k_block));
    EXPECT(blocks[taken] != nullptr);
  }
}

}  // namespace

CASE(a_free_takes_as_long_among_thousands_as_among_a_few) {
  block_the_break();
  int taken = 0;
  take_until(taken, k_few);
  void* oldest = blocks[0];
  const auto free_oldest = [oldest] { free(oldest); };
  const long among_few = instructions_of(free_oldest);
  take_until(taken, k_many);
  const long among_many = instructions_of(free_oldest);
  EXPECT_AT_MOST(among_many, among_few + 200);
}

CASE(every_block_of_every_run_is_taken_back) {
  block_the_break();
  int taken = 0;
  take_until(taken, 200);
  for (int i = 0; i < taken; ++i) fill(blocks[i], 5000, static_cast<std::uint64_t>(i));
  for (int i = 0; i < taken; ++i) {
    EXPECT(intact(blocks[i], 5000, static_cast<std::uint64_t>(i)));
    free(blocks[i]);
  }
  // One that spans several granules of address space, and its very end.
  void* large = keep(malloc(200_MiB));
  EXPECT(large != nullptr);
  void* last = keep(malloc(20_KiB));
  memset(last, 1, 20_KiB);
  free(last);
  free(large);
  EXPECT(keep(malloc(200_MiB)) == large);
}
