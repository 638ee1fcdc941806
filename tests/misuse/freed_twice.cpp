// Blocks that are freed twice, in every state the first free may have left them in.

#include <pthread.h>

#include "misuse.hpp"

using namespace misuse;

CASE(a_fast_chunk) {
  void* p = take(24);
  take(k_guard_size);
  free(p);
  expect_abort("double free or corruption (fasttop)", {p});
  free(p);
}

CASE(a_fast_chunk_of_the_largest_size) {
  void* p = take(120);
  take(k_guard_size);
  free(p);
  expect_abort("double free or corruption (fasttop)", {p});
  free(p);
}

CASE(a_chunk_between_two_live_ones) {
  void* p = take(1000);
  take(k_guard_size);
  free(p);
  expect_abort("double free or corruption (!prev)", {p});
  free(p);
}

CASE(a_chunk_in_its_small_bin) {
  void* p = take(500);
  take(k_guard_size);
  free(p);
  take(5000);  // sorts it into its bin
  expect_abort("double free or corruption (!prev)", {p});
  free(p);
}

CASE(a_chunk_in_its_large_bin) {
  void* p = take(5000);
  take(k_guard_size);
  free(p);
  take(9000);
  expect_abort("double free or corruption (!prev)", {p});
  free(p);
}

CASE(a_chunk_that_became_the_top) {
  void* p = take(1000);
  free(p);
  expect_abort("double free or corruption (top)", {p});
  free(p);
}

CASE(a_chunk_that_was_merged_with_the_one_before) {
  void* a = take(1000);
  void* b = take(1000);
  take(k_guard_size);
  free(a);
  free(b);
  expect_abort("double free or corruption (!prev)", {a, b});
  free(b);
}

CASE(a_chunk_that_was_merged_with_the_one_behind) {
  void* a = take(1000);
  void* b = take(1000);
  take(k_guard_size);
  free(b);
  free(a);
  expect_abort("double free or corruption (!prev)", {a});
  free(a);
}

CASE(a_chunk_inside_the_top) {
  void* a = take(1000);
  void* b = take(1000);
  free(b);
  free(a);
  expect_abort("double free or corruption", {b});
  free(b);
}

CASE(an_aligned_block) {
  void* p = keep(memalign(1024, 1000));
  take(3000);  // too large for the lead before the block
  free(p);
  expect_abort("double free or corruption", {p});
  free(p);
}

CASE(a_block_freed_by_realloc_to_zero) {
  void* p = take(1000);
  take(k_guard_size);
  EXPECT(realloc(p, 0) == nullptr);
  expect_abort("double free or corruption (!prev)", {p});
  free(p);
}

CASE(a_block_freed_once_by_delete_and_once_by_free) {
  void* p = keep(operator new(1000));
  take(k_guard_size);
  operator delete(p);
  expect_abort("double free or corruption (!prev)", {p});
  free(p);
}

CASE(a_chunk_of_a_thread_arena_by_its_thread) {
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        void* p = take(1000);
        take(k_guard_size);
        free(p);
        expect_abort("double free or corruption", {p});
        free(p);
        return nullptr;
      },
      nullptr);
  pthread_join(thread, nullptr);
}

CASE(a_chunk_of_a_thread_arena_by_another_thread) {
  static void* p;
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        p = take(24);
        take(k_guard_size);
        free(p);
        return nullptr;
      },
      nullptr);
  pthread_join(thread, nullptr);
  expect_abort("double free or corruption (fasttop)", {p});
  free(p);
}

CASE(the_top_of_a_thread_arena) {
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        void* p = take(1000);
        free(p);
        expect_abort("double free or corruption", {p});
        free(p);
        return nullptr;
      },
      nullptr);
  pthread_join(thread, nullptr);
}
