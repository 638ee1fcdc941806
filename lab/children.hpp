// A part of an experiment in a child of its own, so that none finds what another left in the heap.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "steps.hpp"

namespace arenite::lab {

// Does the work in a child and waits for its end. The child may print rows. Should it fail, so does
// the program.
template <typename Work>
void in_a_child(std::string_view program, Work&& work) {
  const pid_t child = fork();
  if (child < 0) fail(1, program, "cannot fork");
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) fail(1, program, "a child failed");
}

}  // namespace arenite::lab
