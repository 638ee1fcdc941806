// Every parameter of mallopt: its answer, and what it changes.

#include "effects.hpp"

using namespace effects;

CASE(mxfast_sets_the_largest_fast_request) {
  EXPECT_EQ(mallopt(M_MXFAST, 56), 1);
  expect_fast_bins_up_to(56);
}

CASE(mxfast_may_reach_80_times_the_word_by_4) {
  EXPECT_EQ(mallopt(M_MXFAST, 80 * sizeof(std::size_t) / 4), 1);
  expect_fast_bins_up_to(80 * sizeof(std::size_t) / 4);
}

CASE(mxfast_of_zero_turns_the_fast_bins_off) {
  EXPECT_EQ(mallopt(M_MXFAST, 0), 1);
  for (std::size_t size = 0; size < 200; size += 8) EXPECT(!goes_to_a_fast_bin(size));
}

CASE(mxfast_out_of_range_is_refused) {
  EXPECT_EQ(mallopt(M_MXFAST, 80 * sizeof(std::size_t) / 4 + 1), 0);
  EXPECT_EQ(mallopt(M_MXFAST, 100000), 0);
  EXPECT_EQ(mallopt(M_MXFAST, -1), 0);
  expect_fast_bins_up_to(k_default_mxfast);
}

CASE(mxfast_consolidates_what_is_in_the_fast_bins) {
  for (int i = 0; i < 20; ++i) EXPECT(goes_to_a_fast_bin(40));
  EXPECT_EQ(mallopt(M_MXFAST, 64), 1);
  EXPECT_EQ(mallinfo2().smblks, 0);
}

CASE(trim_threshold_sets_when_the_top_is_trimmed) {
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 4 << 20), 1);
  EXPECT_EQ(break_falls_by(3_MiB), 0);
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 1_MiB);
}

CASE(trim_threshold_of_minus_one_turns_trimming_off) {
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, -1), 1);
  EXPECT_EQ(break_falls_by(60_MiB), 0);
}

CASE(trim_threshold_fixes_the_mmap_threshold) {
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
  free(take(4_MiB));
  EXPECT(is_mapped_on_its_own(3_MiB));
}

CASE(top_pad_sets_what_the_break_rises_by) {
  EXPECT_EQ(mallopt(M_TOP_PAD, 1 << 20), 1);
  const std::size_t rise = break_rises_by(60000);
  EXPECT_AT_LEAST(rise, 1_MiB);
  EXPECT_AT_MOST(rise, 1_MiB + 70000);
}

CASE(top_pad_of_zero_takes_what_is_needed) {
  EXPECT_EQ(mallopt(M_TOP_PAD, 0), 1);
  break_rises_by(60000);
  EXPECT_AT_MOST(break_rises_by(60000), 64_KiB + 4096);
}

CASE(top_pad_is_kept_when_the_top_is_trimmed) {
  EXPECT_EQ(mallopt(M_TOP_PAD, 2 << 20), 1);
  static void* blocks[200];
  const std::uintptr_t low = program_break();
  for (void*& p : blocks) p = take(50000);
  for (void* p : blocks) free(p);
  EXPECT_AT_LEAST(program_break() - low, 2_MiB);
  EXPECT_AT_MOST(program_break() - low, 2_MiB + 300000);
}

CASE(mmap_threshold_sets_what_is_mapped) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
  EXPECT_EQ(size_mapped_from(), 1_MiB);
  free(take(8_MiB));
  EXPECT(is_mapped_on_its_own(1_MiB));
}

CASE(mmap_max_sets_how_many_are_mapped) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 4), 1);
  EXPECT_EQ(mapped_of(10), 4);
}

CASE(mmap_max_of_zero_maps_nothing) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
  EXPECT_EQ(mapped_of(10), 0);
}

CASE(perturb_fills_fresh_memory_with_the_complement) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x5a), 1);
  EXPECT(fresh_memory_is(0xa5));
}

CASE(perturb_fills_freed_memory_with_the_byte) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x5a), 1);
  for (const std::size_t size : {100, 1000, 30000}) {
    auto* p = static_cast<unsigned char*>(take(size));
    memset(p, 1, size);
    take(16);
    free(p);
    // The first words hold the free chunk's links.
    EXPECT(all_bytes_are(keep(p) + 32, size - 40, 0x5a));
  }
}

CASE(perturb_takes_the_lowest_byte_of_a_larger_number) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x15a), 1);
  EXPECT(fresh_memory_is(0xa5));
}

CASE(perturb_leaves_calloc_and_realloc_right) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x77), 1);
  for (const std::size_t size : {std::size_t{24}, std::size_t{1000}, std::size_t{30000}, 1_MiB}) {
    void* p = calloc(1, size);
    EXPECT(all_bytes_are(p, size, 0));
    fill(p, size, size);
    p = realloc(p, size * 3);
    EXPECT(p != nullptr && intact(p, size, size));
    p = realloc(p, size);
    EXPECT(p != nullptr && intact(p, size, size));
    free(p);
  }
}

CASE(perturb_of_zero_turns_it_off) {
  EXPECT_EQ(mallopt(M_PERTURB, 0x5a), 1);
  EXPECT_EQ(mallopt(M_PERTURB, 0), 1);
  EXPECT(fresh_memory_is(0));
}

CASE(check_action_is_accepted) {
  EXPECT_EQ(mallopt(M_CHECK_ACTION, 3), 1);
  free(take(100));
}

CASE(arena_max_sets_how_many_arenas_there_are) {
  EXPECT_EQ(mallopt(M_ARENA_MAX, 4), 1);
  EXPECT_EQ(arenas_with_threads(10), 4);
}

CASE(arena_test_sets_when_the_processors_are_counted) {
  EXPECT_EQ(mallopt(M_ARENA_TEST, 150), 1);
  EXPECT_EQ(arenas_with_threads(100), 101);
}

CASE(arena_settings_of_zero_change_nothing) {
  EXPECT_EQ(mallopt(M_ARENA_MAX, 0), 1);
  EXPECT_EQ(mallopt(M_ARENA_TEST, 0), 1);
  EXPECT_EQ(arenas_with_threads(6), 7);
}

CASE(defaults_are_glibc_s) {
  expect_fast_bins_up_to(k_default_mxfast);
  const std::size_t rise = break_rises_by(1000);
  EXPECT_AT_LEAST(rise, 128_KiB);
  EXPECT_AT_MOST(rise, 128_KiB + 8192);
  EXPECT_EQ(size_mapped_from(), 128_KiB);
}
