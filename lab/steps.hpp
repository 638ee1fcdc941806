// An experiment is a row of steps: each does one thing, is timed, and then looked at.
//
//   Steps steps;                                 measures and prints the step "start"
//   steps.run("filled", [&] { ... });            does it, measures, prints
//
// Each step becomes one line of JSON on standard output, which `arenite lab` reads through a pipe:
//
//   {"step":"filled","seconds":5.318204917,"cpu_seconds":5.290117023,"minor_faults":78188, …}
//
// Seconds, of the clock and of the processor, and faults are those of the step's own work; the
// looking comes after and is not counted. The line is put together in a buffer on the stack and
// written at once: nothing allocates. The first line also names the library that malloc() came
// from, so that a preload which the dynamic linker ignored cannot pass for a result.
#pragma once

#include <ctime>
#include <string_view>

#include "kernel_view.hpp"

namespace arenite::lab {

class Steps {
 public:
  Steps();

  template <typename Work>
  void run(std::string_view name, Work&& work) {
    const Moment before = now();
    work();
    const Moment after = now();
    report(name, before, after);
  }

 private:
  struct Moment {
    uint64_t nanoseconds;
    uint64_t cpu_nanoseconds;
    uint64_t faults;
  };

  static Moment now();
  void report(std::string_view name, Moment before, Moment after, std::string_view library = {});
};

// Sleeps through interruptions.
void sleep_seconds(unsigned seconds);

// Reads a decimal number within [minimum, maximum]. Otherwise says on standard error what `option`
// of `program` wants and ends the process with status 2.
uint64_t number_argument(std::string_view program, std::string_view option, std::string_view text,
                         uint64_t minimum, uint64_t maximum);

// Says what went wrong on standard error and ends the process with the status.
[[noreturn]] void fail(int status, std::string_view program, std::string_view message);

}  // namespace arenite::lab
