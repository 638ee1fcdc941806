// Sweep: all processes of this machine that run under the library, and their figures, in one pass.
//
// Only the figures that the library keeps anyway are read, so a pass costs some milliseconds and no
// process notices it.
#pragma once

#include <string>
#include <vector>

#include "inside/library.hpp"
#include "inside/look.hpp"

namespace arenite::inside {

struct Running {
  int pid;
  std::string command;  // without control characters, valid UTF-8
  size_t rss;
  size_t threads;
  Library::Figures figures;
  std::string why_not;  // it has the library, and its figures cannot be read

  bool is_known() const { return why_not.empty(); }
  const char* mode() const {
    if (!is_known()) return "?";
    return figures.is_classic ? "classic" : "default";
  }
};

struct Sweep {
  std::vector<Running> processes;
  size_t not_readable = 0;  // processes of which nobody knows whether they have the library
};

// Every process.
Sweep sweep_all();
// These alone; those that have ended, or no longer run under the library, are left out.
Sweep sweep_of(const std::vector<int>& pids);
// A UsageError where a process is not there, cannot be read or does not run under the library.
void check_process(int pid);

// What `--json` prints of it, and a table of it with a line for each that could not be read.
Json json_of(const Sweep& sweep);
void print_table(const Sweep& sweep);

// A process chooses its own name: what a terminal would act on is '?' here.
std::string printable(const std::string& text);

}  // namespace arenite::inside
