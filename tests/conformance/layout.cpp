// The main arena as the classic notes describe it, seen from outside: distances of neighbours, the
// break and its top, reuse and coalescing. These cases link no C++ runtime and run in a fresh
// process, so that the first request below is the first one the heap ever served.

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_word = sizeof(std::size_t);
// A 32-bit heap has 8-byte steps in the classic layout, a 64-bit heap 16-byte ones.
constexpr std::size_t k_step = 2 * k_word;
constexpr std::size_t k_smallest = 4 * k_word;

constexpr std::size_t chunk_size(std::size_t request) {
  const std::size_t size = (request + k_word + k_step - 1) / k_step * k_step;
  return size < k_smallest ? k_smallest : size;
}

char* take(std::size_t size) {
  auto* p = static_cast<char*>(malloc(size));
  EXPECT(p != nullptr);
  return keep(p);
}

}  // namespace

static_assert(sizeof(void*) != 8 || (chunk_size(0) == 32 && chunk_size(24) == 32));
static_assert(sizeof(void*) != 8 || (chunk_size(25) == 48 && chunk_size(40) == 48));
static_assert(sizeof(void*) != 4 || (chunk_size(12) == 16 && chunk_size(13) == 24));

CASE(neighbours_are_32_48_64_bytes_apart) {
  for (std::size_t size = 0; size <= 100; ++size) {
    const char* first = take(size);
    const char* second = take(1);
    EXPECT_EQ(second - first, chunk_size(size));
  }
}

CASE(neighbours_of_every_size_below_the_mmap_threshold_touch) {
  for (std::size_t size = 100; size < 120000; size += 1 + size / 8) {
    const char* first = take(size);
    const char* second = take(size);
    EXPECT_EQ(second - first, chunk_size(size));
  }
}

CASE(usable_size_is_the_chunk_less_one_word) {
  for (std::size_t size = 0; size <= 2000; ++size)
    EXPECT_EQ(malloc_usable_size(take(size)), chunk_size(size) - k_word);
}

CASE(the_first_small_block_takes_132_KiB_from_the_break) {
  const std::uintptr_t before = program_break();
  const char* p = take(1000);
  EXPECT_EQ(program_break() - before, 132_KiB);
  EXPECT(reinterpret_cast<std::uintptr_t>(p) - before < 4096);
  EXPECT(strcmp(mapping_of(p).name, "[heap]") == 0);
}

CASE(small_blocks_use_up_the_break_before_it_moves) {
  const char* first = take(1000) - 2 * k_word;
  const std::uintptr_t first_break = program_break();
  const std::size_t in_all = first_break - reinterpret_cast<std::uintptr_t>(first);
  std::size_t served = 0;  // in full, until the break moves
  do ++served;
  while (take(1000) != nullptr && program_break() == first_break);
  EXPECT_EQ(served, (in_all - k_smallest) / chunk_size(1000));
  EXPECT_EQ(program_break() - first_break, 132_KiB);
}

CASE(a_freed_fast_chunk_is_the_next_one_of_its_size) {
  char* a = take(24);
  char* b = take(24);
  take(24);
  free(a);
  free(b);
  EXPECT(take(24) == b);
  EXPECT(take(23) == a);
}

CASE(fast_chunks_do_not_coalesce) {
  char* a = take(40);
  char* b = take(40);
  take(40);
  free(a);
  free(b);
  EXPECT_EQ(mallinfo2().smblks, 2);
  EXPECT_EQ(mallinfo2().fsmblks, 2 * chunk_size(40));
  char* larger = take(88);
  EXPECT(larger != a);
}

CASE(freed_neighbours_coalesce_in_either_order) {
  for (const bool first_one_first : {true, false}) {
    char* a = take(500);
    char* b = take(500);
    take(1);
    free(first_one_first ? a : b);
    free(first_one_first ? b : a);
    EXPECT(take(1000) == a);
  }
}

CASE(a_block_freed_between_two_free_ones_joins_both) {
  char* a = take(500);
  char* b = take(500);
  char* c = take(500);
  take(1);
  free(a);
  free(c);
  free(b);
  EXPECT(take(1500) == a);
}

CASE(the_smallest_chunk_that_fits_serves_a_request) {
  char* large = take(3000);
  take(1);
  char* fitting = take(2000);
  take(1);
  char* larger = take(2500);
  take(1);
  free(large);
  free(fitting);
  free(larger);
  EXPECT(take(1990) == fitting);
  EXPECT(take(2400) == larger);
  EXPECT(take(2600) == large);
}

CASE(equal_small_chunks_are_reused_oldest_first) {
  char* blocks[4];
  for (char*& p : blocks) {
    p = take(400);
    take(1);
  }
  for (char* p : blocks) free(p);
  take(5000);  // sorts the unsorted bin
  for (char* p : blocks) EXPECT(take(400) == p);
}

CASE(the_last_remainder_serves_small_requests_side_by_side) {
  char* large = take(4000);
  take(1);
  free(large);
  char* a = take(200);
  char* b = take(200);
  char* c = take(200);
  EXPECT(a == large);
  EXPECT_EQ(b - a, chunk_size(200));
  EXPECT_EQ(c - b, chunk_size(200));
}

CASE(a_large_request_consolidates_the_fast_chunks) {
  char* blocks[100];
  for (char*& p : blocks) p = take(40);
  take(1);
  for (char* p : blocks) free(p);
  EXPECT_EQ(mallinfo2().smblks, 100);
  EXPECT(take(100 * chunk_size(40) - k_word) == blocks[0]);
  EXPECT_EQ(mallinfo2().smblks, 0);
}

CASE(a_block_at_the_top_returns_to_the_top) {
  char* p = take(10000);
  free(p);
  EXPECT(take(20000) == p);
}

CASE(the_last_block_grows_in_place_into_the_top) {
  char* p = take(1000);
  EXPECT(realloc(p, 20000) == p);
}

CASE(a_block_grows_in_place_into_a_free_neighbour) {
  char* p = take(1000);
  char* neighbour = take(5000);
  take(16);
  free(neighbour);
  EXPECT(realloc(p, 5500) == p);
}

CASE(a_shrunk_block_gives_its_tail_back) {
  char* p = take(20000);
  take(16);
  EXPECT(realloc(p, 1000) == p);
  EXPECT(take(18000) == p + chunk_size(1000));
}

CASE(an_aligned_block_leaves_its_lead_to_others) {
  take(24);
  auto* aligned = keep(static_cast<char*>(memalign(4096, 100)));
  EXPECT(aligned != nullptr && is_aligned(aligned, 4096));
  const char* lead = take(1000);
  EXPECT(lead < aligned);
  const char* tail = take(3500);
  EXPECT(tail > aligned && tail < aligned + 4096);
}
