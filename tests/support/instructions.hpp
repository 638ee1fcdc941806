// How many instructions something takes, to the last: a child does it, and its parent has the
// kernel stop it after each. So a promise about the cost of a call is held without a clock.
#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "expect.hpp"

namespace behaviour {

// Not more than that are counted: the child is killed then.
constexpr long k_most_instructions = 2'000'000;

inline void stop_here() {
  EXPECT_EQ(kill(getpid(), SIGSTOP), 0);
}

inline bool is_stopped_by(pid_t child, int signal_number) {
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (!WIFSTOPPED(status))
    fail(__FILE__, __LINE__, "the counted child's status is %#x", static_cast<unsigned>(status));
  return WSTOPSIG(status) == signal_number;
}

// body() runs in a child of this process's only thread, and leaves nothing in the parent.
template <typename Body>
long instructions_of(Body body) {
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    stop_here();
    body();
    stop_here();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status)) cannot_try("no process may be traced here");
  long count = 0;
  do {
    if (++count > k_most_instructions) break;
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) cannot_try("no single steps here");
  } while (!is_stopped_by(child, SIGSTOP));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return count;
}

}  // namespace behaviour
