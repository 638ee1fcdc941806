// Arenas in the classic mode: as in glibc, no quota counts.

#include "container.hpp"

using namespace container;

CASE(no_quota_counts) {
  if (processors_to_run_on() < 2) cannot_try("there is one processor only");
  enter();
  set_quota(50);
  EXPECT_AT_LEAST(arenas_with_threads(20), 16);
}
