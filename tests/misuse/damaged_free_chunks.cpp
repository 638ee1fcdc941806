// Free chunks whose sizes, or whose neighbours' sizes, were overwritten after they were freed: the
// next request that meets them must stop the program. Forged links are forged_links.cpp's.

#include "misuse.hpp"

using namespace misuse;

namespace {

// A chunk in the unsorted bin, kept apart from its neighbours.
void* unsorted_chunk(std::size_t size) {
  void* p = take(size);
  take(k_guard_size);
  free(p);
  return p;
}

}  // namespace

CASE(a_fast_chunk_with_another_size) {
  void* p = take(24);
  take(k_guard_size);
  free(p);
  size_field(p) = 0x51;
  expect_abort("malloc(): memory corruption (fast)", {p});
  keep(malloc(24));
}

CASE(a_fast_chunk_with_a_broken_size_when_consolidated) {
  void* p = take(24);
  take(k_guard_size);
  free(p);
  size_field(p) = 0x1001;
  expect_abort("malloc_consolidate(): invalid chunk size", {p});
  keep(malloc(20000));
}

CASE(a_fast_chunk_with_a_wrong_previous_size_when_consolidated) {
  void* a = take(1000);
  void* b = take(24);
  take(k_guard_size);
  free(a);
  free(b);
  previous_size_field(b) = 0x100;
  expect_abort("corrupted size vs. prev_size", {a, b});
  keep(malloc(20000));
}

CASE(an_unsorted_chunk_with_a_size_of_zero) {
  void* p = unsorted_chunk(1000);
  size_field(p) = 1;
  expect_abort("malloc(): invalid size (unsorted)", {p});
  keep(malloc(500));
}

CASE(an_unsorted_chunk_with_a_huge_size) {
  void* p = unsorted_chunk(1000);
  size_field(p) = 0x10000001;
  expect_abort("malloc(): invalid size (unsorted)", {p});
  keep(malloc(500));
}

CASE(an_unsorted_chunk_followed_by_a_broken_size) {
  void* p = take(1000);
  void* next = take(200);
  take(k_guard_size);
  free(p);
  size_field(next) = 0;
  expect_abort("malloc(): invalid next size (unsorted)", {p, next});
  keep(malloc(500));
}

CASE(an_unsorted_chunk_followed_by_a_wrong_previous_size) {
  void* p = take(1000);
  void* next = take(200);
  take(k_guard_size);
  free(p);
  previous_size_field(next) = 0x100;
  expect_abort("malloc(): mismatching next->prev_size (unsorted)", {p, next});
  keep(malloc(500));
}

CASE(an_unsorted_chunk_whose_neighbour_thinks_it_is_in_use) {
  void* p = take(1000);
  void* next = take(200);
  take(k_guard_size);
  free(p);
  size_field(next) |= k_previous_in_use;
  expect_abort("malloc(): invalid next->prev_inuse (unsorted)", {p, next});
  keep(malloc(500));
}

CASE(a_whole_chunk_overwritten_after_its_end) {
  void* blocks[3];
  const std::size_t sizes[3] = {24, 500, 5000};
  for (int i = 0; i < 3; ++i) {
    blocks[i] = take(sizes[i]);
    take(k_guard_size);
  }
  for (void* p : blocks) free(p);
  for (int i = 0; i < 3; ++i) memset(blocks[i], 'A', sizes[i]);
  expect_abort("", {});
  go_on();
}
