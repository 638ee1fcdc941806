// Blocks with a mapping of their own, misused: in classic mode a freed one is unmapped, otherwise
// its memory may stay. Only in classic mode they have a header.

#include "misuse.hpp"

using namespace misuse;

CASE(one_freed_twice) {
  void* p = take(5_MiB);
  free(p);
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(one_freed_twice_whose_neighbours_are_free) {
  void* before = take(5_MiB);
  void* p = take(5_MiB);
  void* after = take(5_MiB);
  free(before);
  free(after);
  free(p);
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(one_freed_twice_whose_memory_is_in_use_again) {
  void* p = take(5_MiB);
  free(p);
  memset(take(8_MiB), 0x55, 8_MiB);
  memset(take(4_MiB), 0x55, 4_MiB);
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(one_that_realloc_moved) {
  void* p = take(8_MiB);
  void* elsewhere = take(8_MiB);
  take(5_MiB);
  free(elsewhere);
  void* q = keep(realloc(p, 12_MiB));
  if (q == p) cannot_try("it grew where it was");
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(one_resized_after_its_end) {
  void* p = take(5_MiB);
  free(p);
  expect_abort("invalid pointer", {p});
  keep(realloc(p, 8_MiB));
}

CASE(freeing_into_the_middle_of_one) {
  void* p = take(5_MiB);
  void* wrong = offset(p, 4096);
  expect_abort("free(): invalid", {wrong});
  free(wrong);
}

CASE(a_broken_size) {
  if (!mode_is_classic()) cannot_try("it has no header");
  void* p = take(5_MiB);
  size_field(p) += 0x110;
  expect_abort("munmap_chunk(): invalid pointer", {p});
  free(p);
}

CASE(a_broken_offset) {
  if (!mode_is_classic()) cannot_try("it has no header");
  void* p = take(5_MiB);
  previous_size_field(p) = 0x50;
  expect_abort("munmap_chunk(): invalid pointer", {p});
  free(p);
}

CASE(a_broken_size_is_not_remapped) {
  if (!mode_is_classic()) cannot_try("it has no header");
  void* p = take(5_MiB);
  size_field(p) += 0x110;
  expect_abort("mremap_chunk(): invalid pointer", {p});
  keep(realloc(p, 8_MiB));
}

CASE(one_shrunk_and_then_freed_twice) {
  void* p = take(16_MiB);
  void* q = keep(realloc(p, 5_MiB));
  EXPECT(q == p);
  free(q);
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(one_freed_twice_after_all_was_trimmed) {
  void* p = take(5_MiB);
  free(p);
  malloc_trim(0);
  expect_abort("invalid pointer", {p});
  free(p);
}

CASE(an_aligned_one_freed_twice) {
  void* p = keep(memalign(64_KiB, 5_MiB));
  free(p);
  expect_abort("invalid pointer", {p});
  free(p);
}
