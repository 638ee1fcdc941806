// See progress.hpp.

#include "progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace arenite::command {
namespace {

// Steps that take no time (the first look) are not worth telling.
constexpr double k_worth_telling_seconds = 1e-6;

size_t width_of_standard_error() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(size_t runs, std::vector<std::string> steps, std::function<std::string()> prefix)
    : runs_(runs),
      steps_(std::move(steps)),
      prefix_(std::move(prefix)),
      is_terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::begin_run(const std::string& label) {
  run_++;
  step_ = 0;
  line_ = fmt::format("[{}/{}] {}:", run_, runs_, label);
  step_began_ = Clock::now();
}

void Progress::finish_step(double seconds) {
  if (step_ < steps_.size() && seconds > k_worth_telling_seconds) {
    const std::string words = fmt::format("{} {:.1f} s", steps_[step_], seconds);
    if (!is_terminal_ && !prefix_) fmt::print(stderr, "{} {}\n", line_, words);
    if (is_terminal_) line_ += (line_.back() == ':' ? " " : ", ") + words;
  }
  step_++;
  step_began_ = Clock::now();
  tick();
}

void Progress::tick() {
  if (is_terminal_) draw(true);
}

void Progress::end_run() {
  if (!is_terminal_) return;
  draw(false);
  fmt::print(stderr, "{}", prefix_ ? "\r\x1b[K" : "\n");
}

void Progress::draw(bool with_current_step) const {
  std::string text = prefix_ ? prefix_() + " " + line_ : line_;
  if (with_current_step && step_ < steps_.size()) {
    const std::chrono::duration<double> elapsed = Clock::now() - step_began_;
    text += fmt::format("{} {} ... {:.0f} s", text.back() == ':' ? "" : ",", steps_[step_],
                        elapsed.count());
  }
  // A line that wrapped could not be rewritten. All of it is ASCII.
  const size_t room = width_of_standard_error() - 1;
  if (text.size() > room) text.resize(room);
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

}  // namespace arenite::command
