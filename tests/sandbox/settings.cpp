// Settings that need more calls, and which.

#include <fcntl.h>

#include "sandbox.hpp"

using namespace sandbox;

namespace {

// Grows by some megabytes, waits, and grows again, so that a watched container is looked at.
void grow() {
  for (int i = 0; i < 40; ++i) keep(take(1_MiB));
  come_and_go(200, 100'000, 9);
}

}  // namespace

CASE(a_watched_container_is_read_from_files) {
  rerun_with({"ARENITE_CONTAINER=watch"});
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    close(2);
    enter();
    grow();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 98);  // it could not say which call it was
  free(malloc(1));
  Filter filter;
  for (const long call : {SYS_openat, SYS_faccessat, SYS_read, SYS_close}) filter.allow(call);
  filter.enter();
  grow();
}

CASE(a_container_that_is_not_watched_is_not_read) {
  rerun_with({"ARENITE_CONTAINER=start"});
  enter();
  grow();
}

CASE(a_thread_in_the_background_needs_what_threads_need) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  enter_with_threads();
  for (int i = 0; i < 3; ++i) come_and_go(200, 200'000, 9);
  while (mallinfo2().uordblks == 0) {
  }
}
