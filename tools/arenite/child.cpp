// fork, exec, poll. See child.hpp.
//
// A second pipe tells whether exec() succeeded: it closes on exec, and carries errno otherwise.

#include "child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "errors.hpp"
#include "tracer.hpp"

namespace arenite::command {
namespace {

constexpr int k_tick_milliseconds = 200;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Failure(fmt::format("pipe: {}", strerror(errno)));
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_write_end();
    close(read_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_write_end() {
    if (write_end >= 0) close(write_end);
    write_end = -1;
  }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         bool gets_input, pid_t parent, int output, int trouble,
                         const Tracer* tracer) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before we asked
  if (!gets_input) {
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
  }
  dup2(output, STDOUT_FILENO);
  if (tracer != nullptr) tracer->trace_me();
  execve(program, arguments, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t ignored = write(trouble, &error, sizeof error);
  _exit(127);
}

// Cuts what the child writes into lines.
class LineReader {
 public:
  LineReader(int output, const ChildListener& listener) : output_(output), listener_(listener) {}

  // False at the end.
  bool read_some() {
    const ssize_t got = read(output_, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    pending_.append(buffer_.data(), static_cast<size_t>(got));
    for (size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1)) {
      listener_.line(pending_.substr(0, end));
    }
    return true;
  }

 private:
  int output_;
  const ChildListener& listener_;
  std::string pending_;
  std::array<char, 4096> buffer_{};
};

// Passes the lines on and answers held calls until the child is gone and has closed its end: a held
// call that nobody answered would keep it for ever, also on its way out.
void listen(pid_t child, int output, Tracer& tracer, const ChildListener& listener) {
  using Clock = std::chrono::steady_clock;
  LineReader lines(output, listener);
  const int end = static_cast<int>(syscall(SYS_pidfd_open, child, 0));  // readable when it is gone
  enum { k_output, k_end, k_held };
  std::array<pollfd, 3> ready{
      {{output, POLLIN, 0}, {end, POLLIN, 0}, {tracer.descriptor(), POLLIN, 0}}};
  Clock::time_point last_tick = Clock::now();
  while (ready[k_output].fd >= 0 || ready[k_end].fd >= 0) {
    const int count = poll(ready.data(), ready.size(), k_tick_milliseconds);
    if (Clock::now() - last_tick >= std::chrono::milliseconds(k_tick_milliseconds)) {
      listener.tick();
      last_tick = Clock::now();
    }
    if (count <= 0) continue;
    if ((ready[k_held].revents & POLLIN) != 0) tracer.answer();
    if ((ready[k_held].revents & POLLHUP) != 0) ready[k_held].fd = -1;
    if (ready[k_output].revents != 0 && !lines.read_some()) ready[k_output].fd = -1;
    if (ready[k_end].revents != 0) ready[k_end].fd = -1;
  }
  if (end >= 0) close(end);
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

int run_child(const ChildStart& start, const ChildListener& listener) {
  std::vector<std::string> words = start.arguments;
  words.insert(words.begin(), start.program.string());
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> environment = pointers(start.environment);
  Pipe output;
  Pipe trouble;
  Tracer tracer;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw Failure(fmt::format("fork: {}", strerror(errno)));
  if (child == 0) {
    become(words.front().c_str(), arguments.data(), environment.data(), start.gets_input, parent,
           output.write_end, trouble.write_end, start.is_traced ? &tracer : nullptr);
  }
  output.close_write_end();
  trouble.close_write_end();
  tracer.attach();
  int error = 0;
  if (read(trouble.read_end, &error, sizeof error) == sizeof error) {
    wait_for(child);
    throw Failure(fmt::format("{}: {}", words.front(), strerror(error)));
  }
  try {
    listen(child, output.read_end, tracer, listener);
  } catch (...) {
    kill(child, SIGKILL);
    wait_for(child);
    throw;
  }
  return wait_for(child);
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return fmt::format("was killed by signal {} ({})", signal, strsignal(signal));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(wait_status));
}

std::vector<std::string> environment_without(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; entry++) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (std::find(names.begin(), names.end(), name) == names.end()) result.push_back(text);
  }
  return result;
}

}  // namespace arenite::command
