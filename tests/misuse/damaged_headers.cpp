// Headers overwritten from a neighbouring block: each case damages one field and then does what a
// program would do next. The check that glibc has for it must stop the program there.

#include <pthread.h>
#include <unistd.h>

#include "misuse.hpp"

using namespace misuse;

CASE(overflow_into_the_next_fast_chunk) {
  void* p = take(24);
  void* q = take(24);
  take(k_guard_size);
  memset(p, 0, 32);  // 24 bytes of its own, 8 of the neighbour's size
  expect_abort("free(): invalid next size (fast)", {p, q});
  free(p);
}

CASE(overflow_with_text_into_the_next_fast_chunk) {
  void* p = take(24);
  void* q = take(24);
  take(k_guard_size);
  memset(p, 'A', 32);
  expect_abort("free(): invalid next size (fast)", {p, q});
  free(p);
}

CASE(overflow_into_the_next_chunk) {
  void* p = take(1000);
  void* q = take(1000);
  take(k_guard_size);
  memset(p, 0, 1008);
  size_field(q) |= k_previous_in_use;
  expect_abort("free(): invalid next size (normal)", {p, q});
  free(p);
}

CASE(overflow_that_clears_the_neighbour_s_flag) {
  void* p = take(1000);
  void* q = take(1000);
  take(k_guard_size);
  size_field(q) &= ~k_previous_in_use;
  expect_abort("double free or corruption (!prev)", {p, q});
  free(p);
}

CASE(a_size_below_the_smallest_chunk) {
  void* p = take(1000);
  size_field(p) = 16 | k_previous_in_use;
  expect_abort("free(): invalid size", {p});
  free(p);
}

CASE(a_size_of_zero) {
  void* p = take(1000);
  size_field(p) = 0;
  expect_abort("free(): invalid", {p});
  free(p);
}

CASE(a_misaligned_size) {
  void* p = take(1000);
  size_field(p) += 8;
  expect_abort("free(): invalid size", {p});
  free(p);
}

CASE(a_size_that_reaches_beyond_the_top) {
  void* p = take(1000);
  size_field(p) = 0x400000 | k_previous_in_use;
  expect_abort("double free or corruption (out)", {p});
  free(p);
}

CASE(a_size_that_wraps_around_the_address_space) {
  void* p = take(1000);
  size_field(p) = ~std::size_t{15} | k_previous_in_use;
  expect_abort("free(): invalid", {p});
  free(p);
}

CASE(a_previous_size_that_leads_elsewhere) {
  void* a = take(1000);
  void* b = take(1000);
  take(k_guard_size);
  free(a);
  previous_size_field(b) = 0x100;
  expect_abort("corrupted size vs. prev_size while consolidating", {a, b});
  free(b);
}

CASE(a_free_neighbour_that_changed_its_size) {
  void* a = take(1000);
  void* b = take(1000);
  take(1000);
  take(k_guard_size);
  free(b);
  size_field(b) += 16;
  expect_abort("corrupted size vs. prev_size", {a, b});
  free(a);
}

CASE(a_main_arena_chunk_that_claims_a_thread_arena) {
  void* p = take(1000);
  take(k_guard_size);
  size_field(p) |= k_not_main;
  expect_abort("", {p});
  free(p);
}

CASE(a_thread_arena_chunk_that_claims_the_main_arena) {
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        void* p = take(1000);
        take(k_guard_size);
        size_field(p) &= ~k_not_main;
        expect_abort("", {p});
        free(p);
        go_on();
        return nullptr;
      },
      nullptr);
  pthread_join(thread, nullptr);
}

CASE(an_arena_chunk_that_claims_to_be_mapped) {
  void* p = take(1000);
  take(k_guard_size);
  size_field(p) |= k_mapped;
  expect_abort("munmap_chunk(): invalid pointer", {p});
  free(p);
}

CASE(an_arena_chunk_that_claims_to_be_mapped_is_not_resized) {
  void* p = take(1000);
  take(k_guard_size);
  size_field(p) |= k_mapped;
  expect_abort("invalid pointer", {p});
  keep(realloc(p, 5000));
}

CASE(reallocating_a_block_with_a_size_of_zero) {
  void* p = take(1000);
  size_field(p) = 1;
  expect_abort("realloc(): invalid", {p});
  keep(realloc(p, 2000));
}

CASE(reallocating_a_block_with_a_broken_neighbour) {
  void* p = take(1000);
  void* q = take(1000);
  take(k_guard_size);
  size_field(q) = 1;
  expect_abort("realloc(): invalid next size", {p, q});
  keep(realloc(p, 2000));
}

CASE(a_top_size_that_is_too_large) {
  void* p = take(1000);
  void* top = offset(p, 1008);
  size_field(top) = ~std::size_t{0};
  expect_abort("malloc(): corrupted top size", {top});
  keep(malloc(1000));
}

CASE(a_top_size_that_is_too_small) {
  void* p = take(1000);
  void* top = offset(p, 1008);
  size_field(top) = 0x20 | k_previous_in_use;
  expect_abort("", {top});
  keep(malloc(1000));
}

CASE(the_break_pulled_back_under_the_top) {
  // Some 60 KB stay in the top, whose header lies well below the last page.
  for (void* p = take(20000); program_break() - reinterpret_cast<std::uintptr_t>(p) > 90000;)
    p = take(20000);
  EXPECT(sbrk(-4096) != reinterpret_cast<void*>(-1));
  expect_abort("break adjusted to free malloc space", {});
  keep(malloc(120000));  // more than the top has: the break must move
}
