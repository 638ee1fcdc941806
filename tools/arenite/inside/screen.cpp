// See screen.hpp.

#include "inside/screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "errors.hpp"

namespace arenite::inside {
namespace {

constexpr std::string_view k_enter = "\x1b[?1049h\x1b[?25l";  // alternate screen, no cursor
constexpr std::string_view k_leave = "\x1b[?25h\x1b[?1049l";

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;  // a terminal that has gone is told by wait()
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
}

sigset_t taken_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH})
    sigaddset(&signals, signal);
  return signals;
}

}  // namespace

bool Screen::is_possible() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
}

Screen::Screen() {
  const sigset_t signals = taken_signals();
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
  if (signals_ < 0 || tcgetattr(STDIN_FILENO, &before_) != 0)
    throw command::Failure(std::string("cannot use this terminal: ") + strerror(errno));
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  enter();
}

Screen::~Screen() {
  leave();
  close(signals_);
  const sigset_t signals = taken_signals();
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

void Screen::enter() const {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C goes on to be a signal
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  write_all(k_enter);
}

void Screen::leave() const {
  write_all(k_leave);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

Screen::Size Screen::size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
    return {size.ws_col, size.ws_row};
  return {80, 24};
}

void Screen::draw(const std::vector<std::string>& lines) const {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); i++) {
    if (i != 0) text += "\r\n";
    text += lines[i] + "\x1b[K";
  }
  write_all(text + "\x1b[J");
}

Screen::Event Screen::wait(std::chrono::steady_clock::time_point until) {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return {Event::What::timeout, 0};
    pollfd ready[] = {{signals_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(ready, 2, static_cast<int>(left.count())) <= 0) continue;
    signalfd_siginfo info{};
    if (ready[0].revents != 0 && read(signals_, &info, sizeof(info)) == sizeof(info)) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGTSTP) {
        leave();
        raise(SIGSTOP);
        enter();
      }
      if (signal == SIGTSTP || signal == SIGWINCH) return {Event::What::resized, 0};
      return {Event::What::signal, signal};
    }
    char key = 0;
    if (ready[1].revents == 0) continue;
    if (read(STDIN_FILENO, &key, 1) == 1) return {Event::What::key, key};
    if (errno != EINTR) return {Event::What::gone, 0};
  }
}

void end_by(int signal) {
  ::signal(signal, SIG_DFL);
  raise(signal);
  _exit(128 + signal);  // where the signal is blocked from without
}

}  // namespace arenite::inside
