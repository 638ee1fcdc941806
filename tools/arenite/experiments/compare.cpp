// See compare.hpp.

#include "compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "figures.hpp"

namespace arenite::command {
namespace {

constexpr double k_shortest_comparable_seconds = 0.5;
constexpr double k_busy = 1.1;  // the clock runs so much ahead of the processor when others have it

// Empty where the two can be compared.
std::string why_not_compared(Time subject, Time base) {
  if (std::max(subject.cpu_seconds, base.cpu_seconds) < k_shortest_comparable_seconds) {
    return "too short to compare";
  }
  for (const Time& time : {subject, base}) {
    if (time.seconds > k_busy * time.cpu_seconds) return "no comparison: the machine was busy";
  }
  return {};
}

}  // namespace

const Run* run_of(const std::vector<Run>& runs, const std::string& allocator,
                  const std::string& variant) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const Run& run) {
    return run.allocator.name == allocator && run.variant == variant;
  });
  return found == runs.end() ? nullptr : &*found;
}

Pair pair_of(const std::vector<Run>& runs) {
  std::vector<const Run*> plain;
  for (const Run& run : runs) {
    if (run.variant.empty()) plain.push_back(&run);
  }
  if (plain.empty()) throw Failure("there was nothing to compare");
  const Run* base = run_of(runs, "glibc");
  if (base == nullptr) base = plain.front();
  for (const char* name : {"arenite", "arenite-classic"}) {
    const Run* const subject = run_of(runs, name);
    if (subject != nullptr && subject != base) return {base, subject};
  }
  return {base, plain.back() == base ? nullptr : plain.back()};
}

void Time::add(const Step& step) {
  seconds += step.number("seconds");
  cpu_seconds += step.number("cpu_seconds");
}

std::string times_compared(Time subject, Time base) {
  const std::string why_not = why_not_compared(subject, base);
  return !why_not.empty() ? why_not
                          : compared(subject.cpu_seconds, base.cpu_seconds, k_time_tolerance);
}

std::string speeds_compared(Time subject, Time base) {
  std::string why_not = why_not_compared(subject, base);
  if (!why_not.empty()) return why_not;
  const double ratio = subject.cpu_seconds / base.cpu_seconds;
  if (std::abs(ratio - 1) <= k_time_tolerance) {
    return fmt::format("as fast within {:.0f} %", k_time_tolerance * 100);
  }
  return fmt::format("{:.0f} % {}", std::abs(ratio - 1) * 100, ratio < 1 ? "faster" : "slower");
}

bool memory_differs(double subject_bytes, double base_bytes, double whole_bytes) {
  return std::abs(subject_bytes - base_bytes) > std::max(k_mib, k_memory_tolerance * whole_bytes);
}

}  // namespace arenite::command
