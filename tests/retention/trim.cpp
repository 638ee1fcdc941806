// malloc_trim gives back all that can go, from wherever it is, and says truthfully whether any
// went.

#include <malloc.h>
#include <pthread.h>

#include "resident.hpp"

using namespace retention;

namespace {

// Live blocks, so that the bound lets what is freed beside them stay; then those are freed.
void expect_truth(std::size_t size) {
  constexpr std::size_t k_live = 64_MiB;
  constexpr std::size_t k_freed = 4_MiB;
  Blocks live(k_live / size + 1), freed(k_freed / size + 1);
  for (std::size_t i = 0; i < k_live / size; ++i) live.add(size);
  malloc_trim(0);
  for (std::size_t i = 0; i < k_freed / size; ++i) freed.add(size);
  const std::size_t full = resident();
  freed.remove_all();
  const std::size_t kept = resident();
  const int said = malloc_trim(0);
  if (kept > full - k_freed + 128_KiB) EXPECT_EQ(said, 1);
  EXPECT_AT_MOST(resident(), full - k_freed + 192_KiB);
  EXPECT_EQ(malloc_trim(0), 0);
  EXPECT_EQ(malloc_trim(0), 0);
  // And again, for whatever the first time has changed.
  for (std::size_t i = 0; i < k_freed / size; ++i) freed.add(size);
  freed.remove_all();
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), full - k_freed + 192_KiB);
  EXPECT_EQ(malloc_trim(0), 0);
  live.remove_all();
  const std::size_t torn_down = resident();
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), torn_down);
  EXPECT_EQ(malloc_trim(0), 0);
}

}  // namespace

CASE(of_small_blocks) {
  expect_truth(500);
}

CASE(of_blocks_of_8000_bytes) {
  expect_truth(8000);
}

CASE(of_chunks) {
  expect_truth(20_KiB);
}

CASE(of_mappings) {
  expect_truth(512_KiB);
}

CASE(it_says_1_where_the_process_gets_smaller) {
  // What is freed within the bound may stay; if it does, one call returns it and says so.
  Blocks live(100'000), freed(10'000);
  while (live.count() < 100'000) live.add(600);
  malloc_trim(0);
  int said_so = 0;
  for (const std::size_t size : {600_KiB / 1024, 20_KiB, 700_KiB}) {
    while (freed.count() * size < 3_MiB) freed.add(size);
    freed.remove_all();
    const std::size_t kept = resident();
    const int said = malloc_trim(0);
    const std::size_t left = resident();
    if (left + 64_KiB < kept) EXPECT_EQ(said, 1);
    if (said == 1) EXPECT(left < kept);
    said_so += said;
  }
  EXPECT_AT_LEAST(said_so, 1);
}

CASE(of_a_credit_that_was_earned) {
  Blocks blocks(150'000);
  const std::size_t before = resident();
  for (int tooth = 0; tooth < 10; ++tooth) {
    for (std::size_t sum = 0; sum < 48_MiB; sum += 500) blocks.add(500);
    blocks.remove_all();
  }
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), before + 2_MiB);
  EXPECT_EQ(malloc_trim(0), 0);
}

CASE(of_other_threads_arenas) {
  static pthread_barrier_t freed, done;
  pthread_barrier_init(&freed, nullptr, 5);
  pthread_barrier_init(&done, nullptr, 5);
  const std::size_t before = resident();
  pthread_t threads[4];
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    Blocks blocks(20'000);
                    Random random(1);
                    for (std::size_t sum = 0; sum < 16_MiB;) {
                      const std::size_t size = 100 + random.size(200'000);
                      blocks.add(size);
                      sum += size;
                    }
                    blocks.remove_all();
                    pthread_barrier_wait(&freed);
                    pthread_barrier_wait(&done);
                    return nullptr;
                  },
                  nullptr),
              0);
  pthread_barrier_wait(&freed);
  malloc_trim(0);
  // The tables of the threads' blocks, and what a thread costs.
  EXPECT_AT_MOST(resident(), before + 4 * (20'000 * 6 * sizeof(std::uint64_t) + 600_KiB));
  EXPECT_EQ(malloc_trim(0), 0);
  pthread_barrier_wait(&done);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}
