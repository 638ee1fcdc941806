// The frame that every workload and scenario shares.
//
// A workload declares its options, calls begin(), does its work on malloc and free (or on the
// containers above them), frees everything it took and returns finish(). finish() prints one line
// of JSON on stdout: name, operations, seconds, checksum, resident sizes, and whatever the workload
// measured itself. The runner (bench/run) reads that line and nothing else.
//
// Nothing here allocates: the heap a workload measures is its own. Options live in fixed arrays,
// /proc is read with plain system calls, the line is built on the stack.
//
// A broken allocator must be noticed, not timed: blocks carry stamps at both ends that are checked
// before they are freed, and the checksum depends only on scale and options, never on the allocator
// or on how threads were scheduled.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <utility>

namespace bench {

// Makes the compiler believe that `p` is seen by others, so that no allocation is optimised away.
inline void escape(void* p) {
  asm volatile("" : : "r"(p) : "memory");
}

[[noreturn]] [[gnu::format(printf, 1, 2)]] inline void fail(const char* format, ...) {
  std::array<char, 512> text{};
  va_list args;
  va_start(args, format);
  std::vsnprintf(text.data(), text.size(), format, args);
  va_end(args);
  dprintf(2, "bench: %s\n", text.data());
  _exit(1);
}

// splitmix64: small, quick, the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  // Uniform in [0, bound), bound below 2^32.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32U) * bound) >> 32U; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  // Sizes whose logarithm is uniform: as many from 16 to 32 as from 16 KiB to 32 KiB.
  std::uint64_t log_between(std::uint64_t low, std::uint64_t high) {
    const double unit = static_cast<double>(next() >> 11U) * 0x1p-53;
    const double ratio = static_cast<double>(high) / static_cast<double>(low);
    return std::min(high, static_cast<std::uint64_t>(static_cast<double>(low) *
                                                     std::exp2(unit * std::log2(ratio))));
  }

 private:
  std::uint64_t state_;
};

// Gives back a container's memory too, which clear() and `= {}` do not.
template <typename Container>
void drop(Container& container) {
  Container empty;
  std::swap(container, empty);
}

inline unsigned core_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}
// One thread a core, at least two so that memory is shared at all.
inline unsigned threads_by_core() {
  return std::clamp(core_count(), 2U, 4U);
}
// More threads than cores, for workloads that are about many threads.
inline unsigned threads_crowded() {
  return std::min(4U, 2 * core_count());
}

// Reads a file of /proc into `text` and ends it with a 0; false where there is no such file.
inline bool read_text(const char* path, char* text, std::size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::size_t length = 0;
  for (ssize_t got = 0; length < size - 1; length += static_cast<std::size_t>(got)) {
    got = read(file, text + length, size - 1 - length);
    if (got <= 0) break;
  }
  close(file);
  text[length] = '\0';
  return length != 0;
}

// What is resident, by a walk of the page tables: the counter in statm is gathered from the
// processors now and then, and off by some hundred KiB on many kernels. Without that file it must
// do.
inline std::uint64_t resident_kib() {
  std::array<char, 2048> text{};
  if (read_text("/proc/self/smaps_rollup", text.data(), text.size())) {
    const char* line = std::strstr(text.data(), "\nRss:");
    if (line != nullptr) return std::strtoull(line + 5, nullptr, 10);
  }
  if (!read_text("/proc/self/statm", text.data(), text.size())) return 0;
  const char* resident = std::strchr(text.data(), ' ');
  if (resident == nullptr) return 0;
  return std::strtoull(resident, nullptr, 10) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) /
         1024;
}

inline std::uint64_t peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss);
}

inline double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Processor time of the whole process: what is left of a clock on a machine that others use, too.
inline double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline void sleep_seconds(double seconds) {
  timespec rest{};
  rest.tv_sec = static_cast<time_t>(seconds);
  rest.tv_nsec = static_cast<long>((seconds - static_cast<double>(rest.tv_sec)) * 1e9);
  while (nanosleep(&rest, &rest) != 0) {
  }
}

inline void* allocate(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) fail("malloc(%zu) returned no memory", size);
  return p;
}

// A stamp at both ends of a block (sizes from 8 bytes): overlapping blocks cannot both keep theirs.
inline void stamp(void* p, std::size_t size, std::uint64_t tag) {
  std::memcpy(p, &tag, 8);
  if (size >= 16) {
    const std::uint64_t last = ~tag;
    std::memcpy(static_cast<char*>(p) + size - 8, &last, 8);
  }
}

inline std::uint64_t check_stamp(const void* p, std::size_t size, std::uint64_t tag) {
  std::uint64_t first = 0;
  std::memcpy(&first, p, 8);
  std::uint64_t last = ~tag;
  if (size >= 16) std::memcpy(&last, static_cast<const char*>(p) + size - 8, 8);
  if (first != tag || last != ~tag) {
    fail("the block at %p (%zu bytes) was changed by someone else", p, size);
  }
  return tag;
}

// A block that knows its size and stamp.
struct Block {
  void* data = nullptr;
  std::uint32_t size = 0;
  std::uint32_t tag = 0;

  static Block take(std::size_t size, std::uint32_t tag) {
    Block block{allocate(size), static_cast<std::uint32_t>(size), tag};
    stamp(block.data, size, tag);
    return block;
  }
  // Checks the stamp and frees; the block is empty afterwards. Gives the tag for the checksum.
  std::uint64_t give() {
    if (data == nullptr) return 0;
    const std::uint64_t sum = check_stamp(data, size, tag);
    std::free(data);
    data = nullptr;
    return sum;
  }
};

// Writes one byte of each page, so that a large block is really resident.
inline void touch_pages(void* p, std::size_t size) {
  auto* bytes = static_cast<volatile char*>(p);
  for (std::size_t at = 0; at < size; at += 4096) bytes[at] = 1;
}

class Program {
 public:
  Program(const char* name, const char* purpose, int argc, char** argv)
      : name_(name), purpose_(purpose), argc_(argc), argv_(argv) {
    scale_ = number("scale", 1.0, "how much work, 1 for one to three seconds");
    if (!(scale_ > 0)) usage_error("--scale must be greater than 0");
  }

  double number(const char* option, double fallback, const char* help) {
    const char* text = find(option, help);
    if (text == nullptr) return fallback;
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0)) {
      dprintf(2, "%s: --%s needs a number, not '%s'\n", name_, option, text);
      std::exit(2);
    }
    return value;
  }
  std::uint64_t count(const char* option, std::uint64_t fallback, const char* help) {
    return static_cast<std::uint64_t>(number(option, static_cast<double>(fallback), help));
  }
  // True if the option's word is `yes`, false if it is `no`.
  bool choose(const char* option, const char* yes, const char* no, const char* help) {
    const char* text = find(option, help);
    if (text == nullptr || std::strcmp(text, yes) == 0) return true;
    if (std::strcmp(text, no) == 0) return false;
    dprintf(2, "%s: --%s needs '%s' or '%s', not '%s'\n", name_, option, yes, no, text);
    std::exit(2);
  }
  // Which of several words the option has, from 0; the first where it is not given.
  std::size_t pick(const char* option, std::initializer_list<const char*> words, const char* help) {
    const char* text = find(option, help);
    if (text == nullptr) return 0;
    for (const char* const& word : words) {
      if (std::strcmp(text, word) == 0) return static_cast<std::size_t>(&word - words.begin());
    }
    dprintf(2, "%s: --%s cannot be '%s'; there are", name_, option, text);
    for (const char* word : words) dprintf(2, " '%s'", word);
    dprintf(2, "\n");
    std::exit(2);
  }

  [[nodiscard]] double scale() const { return scale_; }
  [[nodiscard]] std::uint64_t scaled(double amount, std::uint64_t least = 1) const {
    return std::max(least, static_cast<std::uint64_t>(amount * scale_));
  }
  // For sizes of live sets: smaller runs are smaller, larger runs only longer.
  [[nodiscard]] std::uint64_t shrunk(double amount, std::uint64_t least = 1) const {
    return std::max(least, static_cast<std::uint64_t>(amount * std::min(1.0, scale_)));
  }

  // All options are declared: refuses unknown ones, answers --help, starts the clock.
  void begin() {
    for (int i = 1; i < argc_; ++i) {
      if (std::strcmp(argv_[i], "--help") == 0) print_help();
      if (!known(argv_[i]) || i + 1 == argc_) {
        dprintf(2, "%s: unknown or incomplete option '%s' (see --help)\n", name_, argv_[i]);
        std::exit(2);
      }
      ++i;
    }
    rss_start_kib_ = resident_kib();
    start_seconds_ = now_seconds();
  }

  // Notes a figure of the workload's own under a name.
  void figure(const char* label, double value) {
    if (figure_count_ < figures_.size()) figures_[figure_count_++] = {label, value};
  }
  void figure_rss(const char* label) { figure(label, static_cast<double>(resident_kib())); }
  [[nodiscard]] std::uint64_t rss_start_kib() const { return rss_start_kib_; }
  void sleep_unclocked(double seconds) {
    sleep_seconds(seconds);
    slept_seconds_ += seconds;
  }

  // Everything is freed: stops the clock, looks at what is still resident (with BENCH_SETTLE=1
  // once more after a second and one small call), prints the line.
  int finish(std::uint64_t operations, std::uint64_t checksum) {
    const double seconds = now_seconds() - start_seconds_ - slept_seconds_;
    const std::uint64_t freed_kib = resident_kib();
    const char* settle = std::getenv("BENCH_SETTLE");
    std::array<char, 32> after{"null"};
    if (settle != nullptr && std::strcmp(settle, "1") == 0) {
      sleep_unclocked(1);
      void* p = std::malloc(64);
      escape(p);
      std::free(p);
      std::snprintf(after.data(), after.size(), "%llu",
                    static_cast<unsigned long long>(resident_kib()));
    }
    print(operations, seconds, checksum, freed_kib, after.data());
    return 0;
  }

 private:
  struct Figure {
    const char* label;
    double value;
  };
  struct Option {
    const char* name;
    const char* help;
  };

  void print(std::uint64_t operations, double seconds, std::uint64_t checksum,
             std::uint64_t freed_kib, const char* after_kib) {
    std::array<char, 4096> line{};
    std::size_t used = static_cast<std::size_t>(std::snprintf(
        line.data(), line.size(),
        R"({"name":"%s","operations":%llu,"seconds":%.6f,"slept_seconds":%.3f,)"
        R"("checksum":"%016llx","rss_start_kib":%llu,"rss_freed_kib":%llu,"rss_after_kib":%s,)"
        R"("rss_peak_kib":%llu)",
        name_, static_cast<unsigned long long>(operations), seconds, slept_seconds_,
        static_cast<unsigned long long>(checksum), static_cast<unsigned long long>(rss_start_kib_),
        static_cast<unsigned long long>(freed_kib), after_kib,
        static_cast<unsigned long long>(peak_kib())));
    for (std::size_t i = 0; i < figure_count_ && used < line.size() - 128; ++i) {
      used += static_cast<std::size_t>(std::snprintf(line.data() + used, line.size() - used,
                                                     ",\"%s\":%.6g", figures_[i].label,
                                                     figures_[i].value));
    }
    used += static_cast<std::size_t>(std::snprintf(line.data() + used, line.size() - used, "}\n"));
    if (write(1, line.data(), used) != static_cast<ssize_t>(used)) fail("cannot write the result");
  }

  const char* find(const char* option, const char* help) {
    if (option_count_ < options_.size()) options_[option_count_++] = {option, help};
    for (int i = 1; i + 1 < argc_; i += 2) {
      if (std::strncmp(argv_[i], "--", 2) == 0 && std::strcmp(argv_[i] + 2, option) == 0) {
        return argv_[i + 1];
      }
    }
    return nullptr;
  }
  [[nodiscard]] bool known(const char* argument) const {
    if (std::strncmp(argument, "--", 2) != 0) return false;
    return std::any_of(options_.begin(), options_.begin() + static_cast<long>(option_count_),
                       [&](const Option& o) { return std::strcmp(o.name, argument + 2) == 0; });
  }
  [[noreturn]] void print_help() const {
    dprintf(1, "%s: %s\n\nOptions:\n", name_, purpose_);
    for (std::size_t i = 0; i < option_count_; ++i) {
      dprintf(1, "  --%-12s %s\n", options_[i].name, options_[i].help);
    }
    dprintf(1, "\nEnvironment:\n  BENCH_SETTLE=1 look at the resident size again after a second\n");
    std::exit(0);
  }
  [[noreturn]] void usage_error(const char* message) const {
    dprintf(2, "%s: %s\n", name_, message);
    std::exit(2);
  }

  const char* name_;
  const char* purpose_;
  int argc_;
  char** argv_;
  double scale_ = 1;
  std::array<Option, 12> options_{};
  std::size_t option_count_ = 0;
  std::array<Figure, 32> figures_{};
  std::size_t figure_count_ = 0;
  double start_seconds_ = 0;
  double slept_seconds_ = 0;
  std::uint64_t rss_start_kib_ = 0;
};

}  // namespace bench
