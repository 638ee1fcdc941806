// Timing a step, looking at the process, writing one line of JSON. See steps.hpp.

#include "steps.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace arenite::lab {
namespace {

constexpr uint64_t k_nanoseconds = 1'000'000'000;

// The file that malloc() was found in: libc itself, or what was preloaded.
std::string_view malloc_library() {
  Dl_info info{};
  void* const function = reinterpret_cast<void*>(&malloc);
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "";
  return info.dli_fname;
}

uint64_t nanoseconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * k_nanoseconds + static_cast<uint64_t>(time.tv_nsec);
}

void write_or_fail(JsonLine& line) {
  if (!line.write_out()) fail(1, "lab", "cannot write to standard output");
}

}  // namespace

Steps::Steps() {
  // The first reading brings the buffers and the code into memory; the second one is counted.
  KernelView warm_up;
  read_kernel_view(warm_up);
  const Moment moment = begin();
  report("start", moment, moment, malloc_library());
}

Steps::Moment Steps::begin() {
  Moment moment;
  moment.calls = kernel_calls_so_far();
  moment.faults = minor_faults_so_far();
  moment.cpu_nanoseconds = nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID);
  moment.nanoseconds = nanoseconds_of(CLOCK_MONOTONIC);
  return moment;
}

Steps::Moment Steps::end() {
  Moment moment;
  moment.nanoseconds = nanoseconds_of(CLOCK_MONOTONIC);
  moment.cpu_nanoseconds = nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID);
  moment.faults = minor_faults_so_far();
  moment.calls = kernel_calls_so_far();
  return moment;
}

void Steps::figure(const Figure& figure) {
  if (figure_count_ == k_most_figures) fail(1, "lab", "a step has too many figures");
  figures_[figure_count_++] = figure;
}

void Steps::row(std::string_view table, std::initializer_list<Figure> figures) {
  JsonLine line;
  line.add(Figure::text("row", table));
  for (const Figure& figure : figures) line.add(figure);
  write_or_fail(line);
}

void Steps::report(std::string_view name, const Moment& before, const Moment& after,
                   std::string_view library) {
  const KernelView view = look();
  const KernelCalls calls = after.calls.since(before.calls);
  JsonLine line;
  line.add(Figure::text("step", name));
  line.add(Figure::seconds("seconds", after.nanoseconds - before.nanoseconds));
  line.add(Figure::seconds("cpu_seconds", after.cpu_nanoseconds - before.cpu_nanoseconds));
  line.add(Figure::number("minor_faults", after.faults - before.faults));
  line.add(Figure::number("resident_bytes", view.resident_bytes));
  line.add(Figure::number("virtual_bytes", view.virtual_bytes));
  line.add(Figure::number("data_bytes", view.data_bytes));
  line.add(Figure::number("heap_bytes", view.heap_bytes));
  line.add(Figure::number("heap_resident_bytes", view.heap_resident_bytes));
  line.add(Figure::number("anonymous_maps", view.anonymous_maps));
  line.add(Figure::number("anonymous_bytes", view.anonymous_bytes));
  line.add(Figure::number("anonymous_resident_bytes", view.anonymous_resident_bytes));
  for (size_t i = 0; i < calls.counts.size(); i++) {
    const char* const call = k_kernel_call_names[i];
    line.add(calls.is_known ? Figure::number(call, calls.counts[i]) : Figure::nothing(call));
  }
  for (size_t i = 0; i < figure_count_; i++) line.add(figures_[i]);
  figure_count_ = 0;
  if (!library.empty()) line.add(Figure::text("malloc_library", library));
  write_or_fail(line);
}

CallsText::CallsText(const KernelCalls& calls) {
  if (!calls.is_known) put("-");
  for (size_t i = 0; i < calls.counts.size() && calls.is_known; i++) {
    if (calls.counts[i] == 0) continue;
    if (size_ > 0) put(", ");
    put(k_kernel_call_names[i]);
    put(" ");
    size_ = static_cast<size_t>(
        std::to_chars(text_ + size_, text_ + sizeof text_, calls.counts[i]).ptr - text_);
  }
  if (size_ == 0) put("none");
}

void CallsText::put(std::string_view words) {
  for (const char c : words) text_[size_++] = c;
}

KernelView look() {
  KernelView view;
  if (!read_kernel_view(view)) fail(1, "lab", "cannot read /proc/self/status and /proc/self/smaps");
  return view;
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

void read_arguments(int argc, char** argv, std::string_view program, std::string_view help,
                    std::initializer_list<ProgramOption> options) {
  const auto print = [](std::string_view words) {
    [[maybe_unused]] const ssize_t ignored = write(STDOUT_FILENO, words.data(), words.size());
  };
  for (int i = 1; i < argc; i++) {
    const std::string_view word = argv[i];
    if (word == "--help") {
      print(help);
      _exit(0);
    }
    if (word == "--version") {
      print(program);
      print(" " ARENITE_VERSION "\n");
      _exit(0);
    }
    const ProgramOption* const option = std::find_if(
        options.begin(), options.end(), [&](const ProgramOption& o) { return o.name == word; });
    if (option == options.end()) fail(2, program, "unknown option (try --help)");
    const char* const text = i + 1 < argc ? argv[++i] : "";
    *option->value = number_argument(program, word, text, option->minimum, option->maximum);
  }
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
