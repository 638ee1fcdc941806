// Arenas in the default mode: two for each processor that affinity and quota leave to the process.

#include "container.hpp"

using namespace container;

CASE(two_arenas_for_each_processor_of_the_affinity_mask) {
  const int processors = processors_to_run_on();
  if (processors > 64) cannot_try("too many processors for so many threads");
  enter();  // whatever quota there is
  EXPECT_EQ(arenas_with_threads(2 * processors + 5), 2 * processors);
}

CASE(a_process_on_one_processor_has_two_arenas) {
  run_on_one_processor();
  rerun_with({});
  EXPECT_EQ(arenas_with_threads(9), 2);
}

CASE(a_thread_that_pins_itself_takes_no_arenas_from_the_others) {
  const int processors = processors_to_run_on();
  if (processors < 2) cannot_try("there is one processor only");
  if (processors > 64) cannot_try("too many processors for so many threads");
  enter();
  free(malloc(20000));
  run_on_one_processor();
  EXPECT_EQ(arenas_with_threads(2 * processors + 5), 2 * processors);
}

CASE(a_quota_of_half_a_processor_is_one) {
  enter();
  set_quota(50);
  EXPECT_EQ(arenas_with_threads(9), 2);
}

CASE(a_quota_beyond_the_processors_changes_nothing) {
  const int processors = processors_to_run_on();
  if (processors > 64) cannot_try("too many processors for so many threads");
  enter();
  set_quota(100000);
  EXPECT_EQ(arenas_with_threads(2 * processors + 5), 2 * processors);
}

CASE(arena_max_overrides_quota_and_affinity) {
  rerun_with({"MALLOC_ARENA_MAX=7"});
  enter();
  set_quota(50);
  EXPECT_EQ(arenas_with_threads(20), 7);
}

CASE(arena_test_says_from_when_on_arenas_are_limited) {
  rerun_with({"MALLOC_ARENA_TEST=50"});
  enter();
  set_quota(50);
  EXPECT_EQ(arenas_with_threads(60), 51);
}
