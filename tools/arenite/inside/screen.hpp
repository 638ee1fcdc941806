// Screen: the whole terminal, for a command that draws until it is told to end.
//
// While one exists the terminal shows its alternate screen and gives keys at once, unechoed; its
// end, by whatever way, puts back what was. Signals come as events, never in between: those that
// end the command are delivered for good by end_by(), after the terminal is as it was.
#pragma once

#include <termios.h>

#include <chrono>
#include <string>
#include <vector>

namespace arenite::inside {

class Screen {
 public:
  // Both standard input and output have to be a terminal.
  static bool is_possible();

  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  struct Size {
    size_t columns;
    size_t rows;
  };
  Size size() const;

  // Lines from the top, each no wider than the screen; what is left below is empty.
  void draw(const std::vector<std::string>& lines) const;

  struct Event {
    enum class What { key, resized, timeout, signal, gone };
    What what;
    int value;  // of a key its character, of a signal its number
  };
  // Waits for one until then. A stop (Ctrl-Z) is dealt with here: it comes back as `resized`.
  Event wait(std::chrono::steady_clock::time_point until);

 private:
  void enter() const;
  void leave() const;

  termios before_{};
  int signals_ = -1;  // a signalfd
};

// Ends this process by a signal that a Screen has taken; after that Screen's end.
[[noreturn]] void end_by(int signal);

}  // namespace arenite::inside
