// A value that cannot be read is named once on stderr, with its variable, and the default is kept.

#include <sys/wait.h>
#include <unistd.h>

#include "effects.hpp"

using namespace effects;

CASE(a_word_for_a_size) {
  rerun_with({"ARENITE_MXFAST=abc"});
  expect_line("ARENITE_MXFAST abc");
  expect_fast_bins_up_to(k_default_mxfast);
}

CASE(a_suffix_that_is_none) {
  rerun_with({"ARENITE_MMAP_THRESHOLD=1q"});
  expect_line("ARENITE_MMAP_THRESHOLD 1q");
  EXPECT_EQ(size_mapped_from(), 128_KiB);
}

CASE(a_number_followed_by_something) {
  rerun_with({"ARENITE_MMAP_MAX=5 blocks"});
  expect_line("ARENITE_MMAP_MAX 5 blocks");
  EXPECT_EQ(mapped_of(10), 10);
}

CASE(a_number_beyond_all_bounds) {
  rerun_with({"ARENITE_TOP_PAD=99999999999999999999999"});
  expect_line("ARENITE_TOP_PAD 99999999999999999999999");
  EXPECT_AT_MOST(break_rises_by(60000), 256_KiB);
}

CASE(a_number_that_overflows_by_its_suffix) {
  rerun_with({"ARENITE_TOP_PAD=99999999999999999G"});
  expect_line("ARENITE_TOP_PAD 99999999999999999G");
  EXPECT_AT_MOST(break_rises_by(60000), 256_KiB);
}

CASE(a_number_above_the_setting_s_maximum) {
  rerun_with({"ARENITE_MXFAST=100000"});
  expect_line("ARENITE_MXFAST 100000");
  expect_fast_bins_up_to(k_default_mxfast);
}

CASE(a_mode_that_is_none) {
  rerun_with({"ARENITE_MODE=fancy"});
  expect_line("ARENITE_MODE fancy");
  free(take(100));
}

CASE(a_word_in_a_malloc_variable) {
  rerun_with({"MALLOC_ARENA_MAX=many"});
  expect_line("MALLOC_ARENA_MAX many");
  EXPECT_EQ(arenas_with_threads(5), 6);
}

CASE(a_word_in_a_tunable) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.mxfast=abc"});
  expect_line("mxfast abc");
  expect_fast_bins_up_to(k_default_mxfast);
}

CASE(each_bad_value_has_its_line_and_good_ones_hold) {
  rerun_with({"ARENITE_MXFAST=abc", "ARENITE_TOP_PAD=xyz", "ARENITE_MMAP_MAX=3"});
  expect_line("ARENITE_MXFAST abc");
  expect_line("ARENITE_TOP_PAD xyz");
  expect_fast_bins_up_to(k_default_mxfast);
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(a_bad_value_does_not_hide_glibc_s_good_one) {
  rerun_with({"ARENITE_MMAP_MAX=abc", "MALLOC_MMAP_MAX_=3"});
  expect_line("ARENITE_MMAP_MAX abc");
  EXPECT_EQ(mapped_of(8), 3);
}

CASE(threads_and_children_do_not_repeat_it) {
  rerun_with({"ARENITE_MXFAST=abc"});
  expect_line("ARENITE_MXFAST abc");
  arenas_with_threads(8);
  for (int i = 0; i < 5; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      arenas_with_threads(2);
      _exit(0);
    }
    EXPECT_GOOD_END(child);
  }
}
