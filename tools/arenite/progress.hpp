// What is going on, on standard error, while somebody waits.
//
//   [2/3] arenite-classic: filled 5.1 s, looked up 4.0 s, cleared … 0.4 s
//
// On a terminal one line for each run that is rewritten as it goes; elsewhere one line for each
// finished step, so that a log stays readable. Where it is one of many things that go on, a prefix
// says which and how far they are; then the line is not kept, and elsewhere there is none.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace arenite::command {

class Progress {
 public:
  // `runs`: how many there will be. `steps`: what each goes through.
  Progress(size_t runs, std::vector<std::string> steps, std::function<std::string()> prefix = {});

  void begin_run(const std::string& label);
  void finish_step(double seconds);
  void tick();
  // Ends the line, whether or not all steps came.
  void end_run();

 private:
  using Clock = std::chrono::steady_clock;

  void draw(bool with_current_step) const;

  size_t runs_;
  std::vector<std::string> steps_;
  std::function<std::string()> prefix_;
  bool is_terminal_;
  size_t run_ = 0;
  size_t step_ = 0;
  std::string line_;
  Clock::time_point step_began_;
};

}  // namespace arenite::command
