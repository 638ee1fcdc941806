// An experiment is a row of steps: each does one thing, is timed, and then looked at.
//
//   Steps steps;                                 measures and prints the step "start"
//   steps.run("filled", [&] { ... });            does it, measures, prints
//   steps.row("sizes", {Figure::number("asked", 24), Figure::number("distance", 32)});
//                                                prints one row of the table "sizes"
//
// Each step becomes one line of JSON on standard output, which `arenite lab` reads through a pipe,
// and so does each row, wherever among the steps it is printed:
//
//   {"step":"filled","seconds":5.318204917,"cpu_seconds":5.290117023,"minor_faults":78188, …}
//   {"row":"sizes","asked":24,"distance":32}
//
// Seconds, of the clock and of the processor, faults and calls to the kernel are those of the
// step's own work; the looking comes after and is not counted. The line is put together in a buffer
// on the stack and written at once: nothing allocates. The first line also names the library that
// malloc() came from, so that a preload which the dynamic linker ignored cannot pass for a result.
#pragma once

#include <array>
#include <ctime>
#include <initializer_list>
#include <string_view>

#include "json_line.hpp"
#include "kernel_calls.hpp"
#include "kernel_view.hpp"

namespace arenite::lab {

class Steps {
 public:
  Steps();

  template <typename Work>
  void run(std::string_view name, Work&& work) {
    const Moment before = begin();
    work();
    const Moment after = end();
    report(name, before, after);
  }

  // Within a step's work: one more figure of this step. Key and text must outlive the step.
  void figure(const Figure& figure);

  // One row of a table, printed at once.
  void row(std::string_view table, std::initializer_list<Figure> figures);

 private:
  struct Moment {
    uint64_t nanoseconds = 0;
    uint64_t cpu_nanoseconds = 0;
    uint64_t faults = 0;
    KernelCalls calls;
  };

  static constexpr size_t k_most_figures = 16;

  // The tracer is asked outside of what is timed.
  static Moment begin();
  static Moment end();
  void report(std::string_view name, const Moment& before, const Moment& after,
              std::string_view library = {});

  std::array<Figure, k_most_figures> figures_{};
  size_t figure_count_ = 0;
};

// "mmap 1, munmap 2", or "none", or "-" where they are not known: what a row says of its calls.
class CallsText {
 public:
  explicit CallsText(const KernelCalls& calls);
  operator std::string_view() const { return {text_, size_}; }

 private:
  void put(std::string_view words);

  size_t size_ = 0;
  char text_[200];
};

// Keeps the compiler from leaving out a block that nobody uses, and what was written to it.
inline void use(void* block) {
  asm volatile("" : : "r"(block) : "memory");
}

// What the kernel says of the process now. Ends it where /proc cannot be read.
KernelView look();

// Sleeps through interruptions.
void sleep_seconds(unsigned seconds);

// Reads a decimal number within [minimum, maximum]. Otherwise says on standard error what `option`
// of `program` wants and ends the process with status 2.
uint64_t number_argument(std::string_view program, std::string_view option, std::string_view text,
                         uint64_t minimum, uint64_t maximum);

// An option of a program, with its default, and where its value goes.
struct ProgramOption {
  std::string_view name;  // "--entries"
  uint64_t* value;
  uint64_t minimum;
  uint64_t maximum;
};

// Reads a program's words: its options, each with a number, and --help and --version, which end it.
void read_arguments(int argc, char** argv, std::string_view program, std::string_view help,
                    std::initializer_list<ProgramOption> options);

// Says what went wrong on standard error and ends the process with the status.
[[noreturn]] void fail(int status, std::string_view program, std::string_view message);

}  // namespace arenite::lab
