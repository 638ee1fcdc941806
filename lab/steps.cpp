// Timing a step, looking at the process, writing one line of JSON. See steps.hpp.

#include "steps.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace arenite::lab {
namespace {

constexpr uint64_t k_nanoseconds = 1'000'000'000;

// One JSON object in a fixed buffer. What does not fit is dropped, which the reader then refuses.
class JsonLine {
 public:
  void text(std::string_view key, std::string_view value) {
    begin(key);
    put('"');
    for (const char c : value) {
      if (c == '"' || c == '\\') put('\\');
      put(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
    }
    put('"');
  }
  void number(std::string_view key, uint64_t value) {
    begin(key);
    digits(value, 1);
  }
  void seconds(std::string_view key, uint64_t nanoseconds) {
    begin(key);
    digits(nanoseconds / k_nanoseconds, 1);
    put('.');
    digits(nanoseconds % k_nanoseconds, 9);
  }
  // False where standard output is gone.
  bool write_out() {
    put('}');
    put('\n');
    size_t written = 0;
    while (written < size_) {
      const ssize_t n = write(STDOUT_FILENO, buffer_ + written, size_ - written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      written += static_cast<size_t>(n);
    }
    return true;
  }

 private:
  void put(char c) {
    if (size_ < sizeof buffer_) buffer_[size_++] = c;
  }
  void put(std::string_view text) {
    for (const char c : text) put(c);
  }
  void begin(std::string_view key) {
    put(size_ == 0 ? '{' : ',');
    put('"');
    put(key);
    put("\":");
  }
  void digits(uint64_t value, size_t width) {
    char text[20];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    for (auto length = static_cast<size_t>(end - text); length < width; length++) put('0');
    put({text, static_cast<size_t>(end - text)});
  }

  size_t size_ = 0;
  char buffer_[6 * 1024];
};

// The file that malloc() was found in: libc itself, or what was preloaded.
std::string_view malloc_library() {
  Dl_info info{};
  void* const function = reinterpret_cast<void*>(&malloc);
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "";
  return info.dli_fname;
}

}  // namespace

Steps::Steps() {
  // The first reading brings the buffers and the code into memory; the second one is counted.
  KernelView warm_up;
  read_kernel_view(warm_up);
  const Moment moment = now();
  report("start", moment, moment, malloc_library());
}

Steps::Moment Steps::now() {
  const auto nanoseconds = [](clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * k_nanoseconds + static_cast<uint64_t>(time.tv_nsec);
  };
  return {nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_PROCESS_CPUTIME_ID),
          minor_faults_so_far()};
}

void Steps::report(std::string_view name, Moment before, Moment after, std::string_view library) {
  KernelView view;
  if (!read_kernel_view(view)) fail(1, "lab", "cannot read /proc/self/status and /proc/self/smaps");
  JsonLine line;
  line.text("step", name);
  line.seconds("seconds", after.nanoseconds - before.nanoseconds);
  line.seconds("cpu_seconds", after.cpu_nanoseconds - before.cpu_nanoseconds);
  line.number("minor_faults", after.faults - before.faults);
  line.number("resident_bytes", view.resident_bytes);
  line.number("virtual_bytes", view.virtual_bytes);
  line.number("heap_bytes", view.heap_bytes);
  line.number("heap_resident_bytes", view.heap_resident_bytes);
  line.number("anonymous_maps", view.anonymous_maps);
  line.number("anonymous_bytes", view.anonymous_bytes);
  line.number("anonymous_resident_bytes", view.anonymous_resident_bytes);
  if (!library.empty()) line.text("malloc_library", library);
  if (!line.write_out()) fail(1, "lab", "cannot write to standard output");
}

void sleep_seconds(unsigned seconds) {
  timespec left{static_cast<time_t>(seconds), 0};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

uint64_t number_argument(std::string_view program, std::string_view option, std::string_view text,
                         uint64_t minimum, uint64_t maximum) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= minimum &&
      value <= maximum) {
    return value;
  }
  char message[200];
  size_t size = 0;
  const auto say = [&](std::string_view words) {
    for (const char c : words.substr(0, 60)) message[size++] = c;
  };
  const auto say_number = [&](uint64_t n) {
    size = static_cast<size_t>(std::to_chars(message + size, message + sizeof message, n).ptr -
                               message);
  };
  say(option);
  say(" wants a number from ");
  say_number(minimum);
  say(" to ");
  say_number(maximum);
  fail(2, program, {message, size});
}

void fail(int status, std::string_view program, std::string_view message) {
  const auto say = [](std::string_view words) {
    [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, words.data(), words.size());
  };
  say(program);
  say(": ");
  say(message);
  say("\n");
  _exit(status);
}

}  // namespace arenite::lab
