// The process has reached its limit of RLIMIT_DATA: no more writable memory. Set to nothing at all
// it stops the break alone, and the heap goes on with mapped segments.

#include "exhaustion.hpp"

using namespace exhaustion;

namespace {

// A soft limit of zero forbids the break to move and, for old programs' sake, nothing else.
// The limit as it was.
rlimit stop_the_break() {
  free(malloc(1));
  rlimit limit{};
  EXPECT_EQ(getrlimit(RLIMIT_DATA, &limit), 0);
  const rlimit before = limit;
  limit.rlim_cur = 0;
  EXPECT_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
  return before;
}

}  // namespace

CASE(small_blocks_until_the_limit) {
  blocks_until_the_limit(limit_data_to_present_plus, 100);
}

CASE(medium_blocks_until_the_limit) {
  blocks_until_the_limit(limit_data_to_present_plus, 10000);
}

CASE(mapped_blocks_until_the_limit) {
  blocks_until_the_limit(limit_data_to_present_plus, 300000);
}

CASE(every_entry_point_refuses) {
  exhaustion::every_entry_point_refuses(limit_data_to_present_plus);
}

CASE(freed_mappings_make_room_for_small_blocks) {
  freed_mappings_make_room(limit_data_to_present_plus, 1000);
}

CASE(freed_mappings_make_room_for_medium_blocks) {
  freed_mappings_make_room(limit_data_to_present_plus, 60000);
}

CASE(freed_mappings_make_room_for_mapped_blocks) {
  freed_mappings_make_room(limit_data_to_present_plus, 300000);
}

CASE(freed_mappings_make_room_for_one_block) {
  freed_mappings_make_room(limit_data_to_present_plus, 40_MiB);
}

CASE(freed_mappings_make_room_for_the_heap) {
  exhaustion::freed_mappings_make_room_for_the_heap(limit_data_to_present_plus);
}

CASE(a_thread_without_a_heap_of_its_own_is_served) {
  a_thread_is_served(limit_data_to_present_plus);
}

CASE(threads_reach_the_limit_together) {
  threads_until_the_limit(limit_data_to_present_plus);
}

CASE(failed_growth_loses_nothing) {
  failed_growth_in_a_loop_loses_nothing(limit_data_to_present_plus);
}

CASE(a_child_meets_the_limit_alone) {
  exhaustion::a_child_meets_the_limit_alone(limit_data_to_present_plus);
}

CASE(a_break_that_may_not_move_is_replaced_by_mappings) {
  stop_the_break();
  constexpr std::size_t k_blocks = 3000;
  static void* blocks[k_blocks];
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < k_blocks; ++i) {
      blocks[i] = malloc(10000);
      EXPECT(blocks[i] != nullptr);
      fill(blocks[i], 10000, i);
    }
    give_all(blocks, k_blocks, 10000);
  }
}

CASE(a_heap_of_mappings_has_few_of_them_but_in_classic_mode) {
  stop_the_break();
  constexpr std::size_t k_blocks = 2600, k_size = 100'000;
  static char* blocks[k_blocks];
  std::size_t begun = 1;  // stretches in which one block follows the other
  for (std::size_t i = 0; i < k_blocks; ++i) {
    blocks[i] = static_cast<char*>(malloc(k_size));
    EXPECT(blocks[i] != nullptr);
    fill(blocks[i], k_size, i);
    const auto at = reinterpret_cast<std::uintptr_t>(blocks[i]);
    if (i != 0 && at - reinterpret_cast<std::uintptr_t>(blocks[i - 1]) > 2 * k_size) ++begun;
  }
  if (mode_is_classic()) {
    EXPECT_AT_LEAST(begun, 200);
  } else {
    EXPECT_AT_MOST(begun, 30);
  }
  for (std::size_t i = 0; i < k_blocks; ++i) {
    EXPECT(intact(blocks[i], k_size, i));
    free(blocks[i]);
  }
}

CASE(where_no_large_mapping_is_to_be_had_the_heap_goes_on_in_smaller_ones) {
  stop_the_break();
  constexpr std::size_t k_most = 5000, k_size = 50'000;
  static char* blocks[k_most];
  std::size_t count = 0;
  const auto take_one = [&] {
    return (blocks[count] = static_cast<char*>(malloc(k_size))) != nullptr;
  };
  for (; count < 2000; ++count) EXPECT(take_one());
  rlimit limit{};
  EXPECT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = status_bytes("VmSize") + 12_MiB;
  EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  std::size_t begun = 0;
  for (; count < k_most && take_one(); ++count) {
    const auto at = reinterpret_cast<std::uintptr_t>(blocks[count]);
    if (at - reinterpret_cast<std::uintptr_t>(blocks[count - 1]) > 2 * k_size) ++begun;
  }
  EXPECT_AT_LEAST(count, 2100);
  EXPECT_AT_MOST(begun, 60);
}

CASE(the_heap_goes_on_when_the_break_may_move_again) {
  const rlimit before = stop_the_break();
  for (int i = 0; i < 100; ++i) EXPECT(malloc(10000) != nullptr);
  EXPECT_EQ(setrlimit(RLIMIT_DATA, &before), 0);
  for (int i = 0; i < 1000; ++i) {
    void* p = malloc(10000);
    EXPECT(p != nullptr);
    fill(p, 10000, 1);
  }
}
