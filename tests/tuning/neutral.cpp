// Settings whose meaning does not depend on the engine that serves small blocks, in the default
// mode: mappings, fill bytes, the bound on arenas, and the answers of mallopt.

#include "effects.hpp"

using namespace effects;

CASE(mallopt_answers_as_in_every_mode) {
  EXPECT_EQ(mallopt(M_MXFAST, 64), 1);
  EXPECT_EQ(mallopt(M_MXFAST, 100000), 0);
  EXPECT_EQ(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
  EXPECT_EQ(mallopt(M_TOP_PAD, 1 << 16), 1);
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
  EXPECT_EQ(mallopt(M_MMAP_MAX, 100), 1);
  EXPECT_EQ(mallopt(M_CHECK_ACTION, 3), 1);
  EXPECT_EQ(mallopt(M_PERTURB, 1), 1);
  EXPECT_EQ(mallopt(M_ARENA_TEST, 4), 1);
  EXPECT_EQ(mallopt(M_ARENA_MAX, 4), 1);
  free(take(100));
}

CASE(mmap_threshold) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1M"});
  EXPECT_EQ(size_mapped_from(), 1_MiB);
}

CASE(mmap_max) {
  rerun_with({"MALLOC_MMAP_MAX_=3"});
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(perturb) {
  rerun_with({"MALLOC_PERTURB_=85"});
  EXPECT(fresh_memory_is(0xaa));
  EXPECT(all_bytes_are(keep(calloc(10, 100)), 1000, 0));
}

CASE(arena_max) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.arena_max=3"});
  EXPECT_AT_MOST(arenas_with_threads(10), 3);
}

CASE(an_unreadable_value_is_named_once) {
  rerun_with({"ARENITE_MMAP_MAX=abc"});
  expect_line("ARENITE_MMAP_MAX abc");
  EXPECT_EQ(mapped_of(8), 8);
}
