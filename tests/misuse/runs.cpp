// Blocks of more than 8 KiB in default mode, misused: runs, whose bookkeeping lies far from them.

#include "misuse.hpp"

using namespace misuse;

namespace {

// The first such blocks of a process have pages of a slab region.
void* take_run(std::size_t size) {
  static void* const first[] = {take(10'000), take(10'000)};
  (void)first;
  return take(size);
}

}  // namespace

CASE(one_freed_twice) {
  void* p = take_run(20'000);
  free(p);
  expect_abort("free(): double free detected in span", {p});
  free(p);
}

CASE(one_freed_twice_with_others_between) {
  void* p = take_run(20'000);
  void* q = take(30'000);
  take(9'000);
  free(p);
  free(q);
  expect_abort("free(): double free detected in span", {p});
  free(p);
}

CASE(one_freed_twice_that_merged) {
  void* p = take_run(20'000);
  void* q = take(20'000);
  void* r = take(20'000);
  take(9'000);
  free(p);
  free(r);
  free(q);
  take(100'000);
  expect_abort("free(): double free detected in span", {q});
  free(q);
}

CASE(one_resized_after_its_end) {
  void* p = take_run(20'000);
  free(p);
  expect_abort("realloc(): the block is free", {p});
  keep(realloc(p, 40'000));
}

CASE(freeing_into_the_middle_of_one) {
  void* p = take_run(20'000);
  void* wrong = offset(p, 4096);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(freeing_beside_a_unit) {
  void* p = take_run(20'000);
  void* wrong = offset(p, 16);
  expect_abort("free(): invalid pointer", {wrong});
  free(wrong);
}

CASE(asking_for_the_size_of_a_freed_one) {
  void* p = take_run(20'000);
  free(p);
  expect_abort("malloc_usable_size(): invalid pointer", {p});
  malloc_usable_size(p);
}

// What an overflow writes behind a block, or a forged header before it, means nothing.
CASE(what_stands_around_one_is_not_believed) {
  void* p = take_run(20'000);
  void* q = take(20'000);
  fill(p, malloc_usable_size(p), 1);
  fill(q, malloc_usable_size(q), 2);
  free(p);
  EXPECT(intact(q, malloc_usable_size(q), 2));
  free(q);
  EXPECT(take(40'000) != nullptr);
}
