// Blocks of slabs that are freed twice: by one thread or by two, wherever the first free put the
// block, whatever became of its slab since.

#include <malloc.h>

#include "slabs.hpp"

using namespace slabs;

namespace {

constexpr std::size_t k_size = 64;      // 512 in a slab, 64 in each of its words
constexpr std::size_t k_larger = 1024;  // 32 in a slab

// What this thread has freed waits for its next requests: from now on it is back in its slab. A
// block of it stays in use, or the slab would be none any more.
void leave_the_magazine() {
  malloc_trim(0);
}

// All the blocks of a slab that this thread has filled.
struct FullSlab {
  static constexpr std::size_t k_blocks = k_slab_size / k_larger;
  void* blocks[k_blocks];

  FullSlab() {
    pass_over_first_blocks(k_larger);
    void* p = take(k_larger);
    while (p != slab_of(p)) p = take(k_larger);
    for (std::size_t i = 0; i < k_blocks; ++i, p = take(k_larger)) {
      blocks[i] = p;
      EXPECT(p == slab_of(blocks[0]) + i * k_larger);
    }
  }

  void become_a_page() const {
    for (void* p : blocks) free(p);
    malloc_trim(0);  // some of them may wait for the next request
  }
};

// Another thread, which has blocks of the size itself and lives on, frees the block so often.
void free_in_a_working_thread(void* block, int times) {
  static pthread_barrier_t freed;
  static int left;
  left = times;
  pthread_barrier_init(&freed, nullptr, 2);
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void* p) -> void* {
                  take_from_slab(k_size);
                  for (; left > 0; --left) free(p);
                  pthread_barrier_wait(&freed);
                  for (;;) pause();
                },
                block),
            0);
  pthread_barrier_wait(&freed);
}

}  // namespace

CASE(at_once_in_the_magazine) {
  void* p = take_from_slab(k_size);
  free(p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(after_others_in_the_magazine) {
  void* p = take_from_slab(k_size);
  void* q = take(k_size);
  void* r = take(k_size);
  free(p);
  free(q);
  free(r);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(at_once_back_in_its_slab) {
  void* p = take_from_slab(k_size);
  take(k_size);
  free(p);
  leave_the_magazine();
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(after_others_back_in_its_slab) {
  void* p = take_from_slab(k_size);
  void* q = take(k_size);
  take(k_size);
  free(p);
  free(q);
  leave_the_magazine();
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(a_block_of_every_size) {
  for_each_size([](std::size_t size) {
    void* p = take_from_slab(size);
    take(size);  // a slab of the largest sizes may be full now
    free(p);
    expect_child_ends(line_about(k_twice, p, size, k_was_freed), [p] { free(p); });
  });
}

CASE(in_a_slab_that_was_full) {
  const FullSlab slab;
  free(slab.blocks[5]);
  expect_end(k_twice, slab.blocks[5], k_larger, k_was_freed);
  free(slab.blocks[5]);
}

CASE(the_last_block_of_a_slab_that_became_a_page) {
  const FullSlab slab;
  slab.become_a_page();
  void* last = slab.blocks[FullSlab::k_blocks - 1];
  expect_end(k_invalid, last, 0, k_no_start);
  free(last);
}

CASE(a_block_whose_page_is_another_sizes_slab) {
  const FullSlab slab;
  slab.become_a_page();
  bool taken = false;
  for (int i = 0; i < 40; ++i) taken |= slab_of(take(2560)) == slab_of(slab.blocks[0]);
  EXPECT(taken);
  expect_end(k_invalid, slab.blocks[1], 2560, k_no_start);
  free(slab.blocks[1]);
}

CASE(by_two_other_threads_one_after_the_other) {
  void* p = take_from_slab(k_size);
  free_in_a_living_thread(p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free_in_a_living_thread(p);
}

CASE(by_two_other_threads_at_the_same_time) {
  static pthread_barrier_t both;
  pthread_barrier_init(&both, nullptr, 2);
  void* p = take_from_slab(k_size);
  pthread_t threads[2];
  expect_end(k_twice, p, k_size, k_was_freed);
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void* block) -> void* {
                    pthread_barrier_wait(&both);
                    free(block);
                    return nullptr;
                  },
                  p),
              0);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  // Within a few nanoseconds of each other both count as one, and nothing is wrong with the heap.
  free(p);
}

// By a thread that has blocks of the size and keeps this one for its next request.
CASE(by_another_thread_that_keeps_it_then_by_its_owner) {
  void* p = take_from_slab(k_size);
  free_in_a_working_thread(p, 1);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(by_another_thread_that_keeps_it_then_by_a_third) {
  void* p = take_from_slab(k_size);
  free_in_a_working_thread(p, 1);
  expect_end(k_twice, p, k_size, k_was_freed);
  free_in_a_living_thread(p);
}

CASE(twice_by_another_thread_that_keeps_it) {
  void* p = take_from_slab(k_size);
  expect_end(k_twice, p, k_size, k_was_freed);
  free_in_a_working_thread(p, 2);
}

CASE(by_its_owner_then_by_another_thread_in_the_magazine) {
  void* p = take_from_slab(k_size);
  free(p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free_in_a_living_thread(p);
}

CASE(by_its_owner_then_by_another_thread_back_in_its_slab) {
  void* p = take_from_slab(k_size);
  take(k_size);
  free(p);
  leave_the_magazine();
  expect_end(k_twice, p, k_size, k_was_freed);
  free_in_a_living_thread(p);
}

CASE(by_another_thread_then_by_its_owner_at_once) {
  void* p = take_from_slab(k_size);
  free_in_a_living_thread(p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(by_another_thread_then_by_its_owner_when_it_was_collected) {
  void* p = take_from_slab(k_size);
  void* q = take(k_size);
  take(k_size);
  free_in_a_living_thread(p);
  free(q);
  leave_the_magazine();
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(by_another_thread_then_by_its_owner_after_other_frees) {
  void* p = take_from_slab(k_size);
  void* q = take(k_size);
  free_in_a_living_thread(p);
  free(q);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(in_a_full_slab_by_another_thread_that_now_owns_it_then_by_the_first) {
  const FullSlab slab;
  free_in_a_living_thread(slab.blocks[9]);
  expect_end(k_twice, slab.blocks[9], k_larger, k_was_freed);
  free(slab.blocks[9]);
}

CASE(in_a_full_slab_by_a_thread_that_has_ended_then_by_the_first) {
  const FullSlab slab;
  in_a_thread(
      [](void* p) -> void* {
        free(p);
        return nullptr;
      },
      slab.blocks[9]);
  expect_end(k_twice, slab.blocks[9], k_larger, k_was_freed);
  free(slab.blocks[9]);
}

CASE(a_block_that_an_ended_thread_left) {
  static void* left;
  in_a_thread(
      [](void*) -> void* {
        left = take_from_slab(k_size);
        take(k_size);
        return nullptr;
      },
      nullptr);
  free(left);
  expect_end(k_twice, left, k_size, k_was_freed);
  free(left);
}

CASE(a_block_that_a_thread_freed_before_it_ended) {
  static void* freed;
  in_a_thread(
      [](void*) -> void* {
        freed = take_from_slab(k_size);
        take(k_size);
        free(freed);
        return nullptr;
      },
      nullptr);
  expect_end(k_twice, freed, k_size, k_was_freed);
  free(freed);
}

CASE(an_aligned_block) {
  for (int i = 0; i < 40; ++i) keep(memalign(1024, 1000));
  void* p = keep(memalign(1024, 1000));
  keep(memalign(1024, 1000));
  free(p);
  expect_end(k_twice, p, 1024, k_was_freed);
  free(p);
}

CASE(once_by_realloc_to_zero_and_once_by_free) {
  void* p = take_from_slab(k_size);
  EXPECT(realloc(p, 0) == nullptr);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(once_by_realloc_that_moved_it_and_once_by_free) {
  void* p = take_from_slab(k_size);
  EXPECT(keep(realloc(p, 5000)) != p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(once_by_delete_and_once_by_free) {
  pass_over_first_blocks(k_size);
  void* p = keep(operator new(k_size));
  operator delete(p);
  expect_end(k_twice, p, k_size, k_was_freed);
  free(p);
}

CASE(resized_in_place_after_its_end) {
  void* p = take_from_slab(k_size);
  free(p);
  expect_end("realloc(): the block is free", p, k_size, k_was_freed);
  keep(realloc(p, k_size));
}

CASE(resized_to_more_after_its_end) {
  void* p = take_from_slab(k_size);
  take(k_size);
  free(p);
  leave_the_magazine();
  expect_end("realloc(): the block is free", p, k_size, k_was_freed);
  keep(realloc(p, 5000));
}

CASE(resized_after_its_end_in_another_thread) {
  void* p = take_from_slab(k_size);
  free_in_a_living_thread(p);
  expect_end("realloc(): the block is free", p, k_size, k_was_freed);
  keep(realloc(p, 100));
}

CASE(resized_by_another_thread_after_its_end) {
  void* p = take_from_slab(k_size);
  free(p);
  expect_end("realloc(): the block is free", p, k_size, k_was_freed);
  in_a_thread([](void* block) -> void* { return keep(realloc(block, 5000)); }, p);
}

CASE(resized_after_its_slab_became_a_page) {
  const FullSlab slab;
  slab.become_a_page();
  expect_end("realloc(): invalid pointer", slab.blocks[3], 0, k_no_start);
  keep(realloc(slab.blocks[3], 5000));
}
