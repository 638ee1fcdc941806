// Settings from the environment in glibc's three spellings and in the library's own: MALLOC_*,
// GLIBC_TUNABLES=glibc.malloc.*, ARENITE_*, the last of which overrides the others. mallopt comes
// after all of them.

#include "effects.hpp"

using namespace effects;

CASE(malloc_trim_threshold) {
  rerun_with({"MALLOC_TRIM_THRESHOLD_=4194304"});
  EXPECT_EQ(break_falls_by(3_MiB), 0);
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 1_MiB);
}

CASE(malloc_trim_threshold_of_minus_one) {
  rerun_with({"MALLOC_TRIM_THRESHOLD_=-1"});
  EXPECT_EQ(break_falls_by(60_MiB), 0);
}

CASE(malloc_top_pad) {
  rerun_with({"MALLOC_TOP_PAD_=1048576"});
  const std::size_t rise = break_rises_by(60000);
  EXPECT_AT_LEAST(rise, 1_MiB);
  EXPECT_AT_MOST(rise, 1_MiB + 70000);
}

CASE(malloc_mmap_threshold) {
  rerun_with({"MALLOC_MMAP_THRESHOLD_=1048576"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
  free(take(8_MiB));
  EXPECT(is_mapped_on_its_own(1_MiB));
}

CASE(malloc_mmap_max) {
  rerun_with({"MALLOC_MMAP_MAX_=3"});
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(malloc_perturb) {
  rerun_with({"MALLOC_PERTURB_=85"});
  EXPECT(fresh_memory_is(0xaa));
}

CASE(malloc_arena_max) {
  rerun_with({"MALLOC_ARENA_MAX=3"});
  EXPECT_EQ(arenas_with_threads(10), 3);
}

CASE(malloc_arena_test) {
  rerun_with({"MALLOC_ARENA_TEST=150"});
  EXPECT_EQ(arenas_with_threads(100), 101);
}

CASE(tunable_mxfast) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.mxfast=56"});
  expect_fast_bins_up_to(56);
}

CASE(tunable_trim_threshold) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.trim_threshold=4194304"});
  EXPECT_EQ(break_falls_by(3_MiB), 0);
}

CASE(tunable_top_pad) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.top_pad=1048576"});
  EXPECT_AT_LEAST(break_rises_by(60000), 1_MiB);
}

CASE(tunable_mmap_threshold_in_hexadecimal) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.mmap_threshold=0x100000"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
}

CASE(tunable_mmap_max) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.mmap_max=3"});
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(tunable_perturb) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.perturb=85"});
  EXPECT(fresh_memory_is(0xaa));
}

CASE(tunable_arena_max) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.arena_max=3"});
  EXPECT_EQ(arenas_with_threads(10), 3);
}

CASE(tunable_arena_test) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.arena_test=150"});
  EXPECT_EQ(arenas_with_threads(100), 101);
}

CASE(several_tunables_in_one_string) {
  rerun_with(
      {"GLIBC_TUNABLES=glibc.malloc.arena_max=2:glibc.malloc.mmap_max=5:glibc.malloc.mxfast=40"});
  EXPECT_EQ(arenas_with_threads(6), 2);
  EXPECT_EQ(mapped_of(8), 5);
  expect_fast_bins_up_to(40);
}

CASE(tunables_of_others_are_passed_over_in_silence) {
  rerun_with(
      {"GLIBC_TUNABLES=glibc.pthread.rseq=0:glibc.malloc.tcache_max=64:glibc.malloc.mmap_max=5:"
       "glibc.cpu.x86_shstk=off"});
  EXPECT_EQ(mapped_of(8), 5);
}
