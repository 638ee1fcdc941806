// A program that builds up and tears down again and again may keep what it is about to use, but not
// for longer than a second, and one call of whatever kind is enough to end it.

#include <malloc.h>
#include <pthread.h>

#include "resident.hpp"

using namespace retention;

namespace {

constexpr std::size_t k_height = 64'000'000;

// Up and down, so often that whatever is there to be earned by reuse is earned.
void saw(std::size_t smallest, std::size_t largest, int teeth = 10) {
  static void** blocks = own_memory<void*>(k_height / 64);
  Random random(1);
  for (int tooth = 0; tooth < teeth; ++tooth) {
    std::size_t count = 0;
    for (std::size_t sum = 0; sum < k_height;) {
      const std::size_t size = smallest + random.below(largest - smallest + 1);
      blocks[count++] = take(size);
      sum += size;
    }
    for (std::size_t i = 0; i < count; ++i) free(blocks[i]);
  }
}

// Starts the library and makes the table of blocks resident.
std::size_t before_sawing() {
  saw(1000, 1000, 0);
  free(take(64));
  return resident();
}

constexpr std::size_t k_left = 8_MiB;

void expect_that_one_call_ends_it(void (*call)()) {
  const std::size_t before = before_sawing();
  saw(512, 512);
  rest(1.05);
  call();
  EXPECT_AT_MOST(resident(), before + k_left);
}

}  // namespace

CASE(small_blocks_are_gone_a_second_later) {
  const std::size_t before = before_sawing();
  saw(512, 512);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(blocks_of_8000_bytes_are_gone_a_second_later) {
  const std::size_t before = before_sawing();
  saw(8000, 8000);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(chunks_are_gone_a_second_later) {
  const std::size_t before = before_sawing();
  saw(20_KiB, 20_KiB);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(mappings_are_gone_a_second_later) {
  const std::size_t before = before_sawing();
  saw(1_MiB, 1_MiB);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(blocks_of_all_sizes_are_gone_a_second_later) {
  const std::size_t before = before_sawing();
  saw(100, 900, 4);
  saw(1000, 60'000, 4);
  saw(30'000, 2'000'000, 4);
  saw(100, 16'000, 4);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(a_sawtooth_on_top_of_live_blocks_leaves_those_alone) {
  Blocks live(70'000);
  const std::size_t before = before_sawing();
  for (int i = 0; i < 40'000; ++i) {
    live.add(512);
    if (i % 20 == 0) live.add(20_KiB);
    if (i % 4000 == 0) live.add(1_MiB);
  }
  for (int round = 0; round < 3; ++round) {
    saw(100, 900, 3);
    saw(10'000, 60'000, 3);
  }
  a_quiet_second();
  const std::size_t needed = live.needed();
  EXPECT_AT_MOST(resident(), before + needed + needed / 30 + bound(needed) + 2_MiB);
  live.remove_all();
}

CASE(a_call_for_a_size_never_used_before_is_enough) {
  expect_that_one_call_ends_it([] { free(keep(malloc(24))); });
}

CASE(a_call_for_a_large_block_is_enough) {
  expect_that_one_call_ends_it([] { free(keep(malloc(300_KiB))); });
}

CASE(a_call_of_calloc_is_enough) {
  expect_that_one_call_ends_it([] { free(keep(calloc(3, 100))); });
}

CASE(a_call_by_another_thread_is_enough) {
  expect_that_one_call_ends_it([] {
    pthread_t thread;
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    free(keep(malloc(64)));
                    return nullptr;
                  },
                  nullptr),
              0);
    pthread_join(thread, nullptr);
  });
}

CASE(a_sawtooth_by_a_thread_that_has_ended_is_gone_a_second_later) {
  const std::size_t before = before_sawing();
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  saw(100, 3000);
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + k_left);
}

CASE(nothing_has_to_be_called_where_a_thread_purges) {
  if (getenv("ARENITE_BACKGROUND_PURGE") == nullptr) rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  const std::size_t before = before_sawing();
  saw(512, 512);
  saw(20_KiB, 20_KiB);
  const double since = now();
  while (resident() > before + k_left && now() < since + 20) rest(0.05);
  EXPECT_AT_MOST(resident(), before + k_left);
}
