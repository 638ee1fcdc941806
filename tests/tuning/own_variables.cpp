// ARENITE_* variables: every setting, sizes with a suffix, and their precedence over glibc's names.

#include "effects.hpp"

using namespace effects;

CASE(mxfast) {
  rerun_with({"ARENITE_MXFAST=56"});
  expect_fast_bins_up_to(56);
}

CASE(trim_threshold_with_a_suffix) {
  rerun_with({"ARENITE_TRIM_THRESHOLD=4M"});
  EXPECT_EQ(break_falls_by(3_MiB), 0);
  EXPECT_AT_LEAST(break_falls_by(6_MiB), 1_MiB);
}

CASE(top_pad_with_a_suffix) {
  rerun_with({"ARENITE_TOP_PAD=1024k"});
  const std::size_t rise = break_rises_by(60000);
  EXPECT_AT_LEAST(rise, 1_MiB);
  EXPECT_AT_MOST(rise, 1_MiB + 70000);
}

CASE(mmap_threshold) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1M"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
}

CASE(mmap_threshold_in_bytes) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1048576"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
}

CASE(mmap_max) {
  rerun_with({"ARENITE_MMAP_MAX=3"});
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(perturb) {
  rerun_with({"ARENITE_PERTURB=85"});
  EXPECT(fresh_memory_is(0xaa));
}

CASE(arena_max) {
  rerun_with({"ARENITE_ARENA_MAX=3"});
  EXPECT_EQ(arenas_with_threads(10), 3);
}

CASE(arena_test) {
  rerun_with({"ARENITE_ARENA_TEST=150"});
  EXPECT_EQ(arenas_with_threads(100), 101);
}

CASE(they_override_the_malloc_variables) {
  rerun_with(
      {"MALLOC_ARENA_MAX=5", "ARENITE_ARENA_MAX=2", "ARENITE_MMAP_MAX=7", "MALLOC_MMAP_MAX_=1"});
  EXPECT_EQ(arenas_with_threads(8), 2);
  EXPECT_EQ(mapped_of(10), 7);
}

CASE(they_override_the_tunables) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.arena_max=5:glibc.malloc.mxfast=100",
              "ARENITE_ARENA_MAX=2", "ARENITE_MXFAST=40"});
  EXPECT_EQ(arenas_with_threads(8), 2);
  expect_fast_bins_up_to(40);
}

CASE(mallopt_overrides_them) {
  rerun_with({"ARENITE_MMAP_MAX=2", "ARENITE_MXFAST=40"});
  EXPECT_EQ(mallopt(M_MMAP_MAX, 6), 1);
  EXPECT_EQ(mallopt(M_MXFAST, 72), 1);
  EXPECT_EQ(mapped_of(10), 6);
  expect_fast_bins_up_to(72);
}
