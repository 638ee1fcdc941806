// What malloc_trim costs in classic mode: it looks for whole pages inside free chunks, so chunks
// that hold none must not make it slower.

#include <malloc.h>

#include <cstdlib>

#include "expect.hpp"
#include "instructions.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

// Free chunks of all sizes up to 2 KiB, in their bins, each between two used ones.
void make_small_free_chunks(int count) {
  static void* blocks[6000];
  for (int i = 0; i < 2 * count; ++i)
    blocks[i] = keep(malloc(200 + static_cast<std::size_t>(i) % 100 * 18));
  for (int i = 0; i < 2 * count; i += 2) free(blocks[i]);
  free(keep(malloc(100000)));  // sorts them into their bins
}

}  // namespace

CASE(free_chunks_that_hold_no_page_cost_a_trim_nothing) {
  mallopt(M_MMAP_MAX, 0);
  make_small_free_chunks(100);
  malloc_trim(0);
  const long with_few = instructions_of([] { malloc_trim(0); });
  make_small_free_chunks(3000);
  malloc_trim(0);
  const long with_many = instructions_of([] { malloc_trim(0); });
  EXPECT_AT_MOST(with_many, with_few + 1000);
}
