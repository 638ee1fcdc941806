// See figures.hpp.

#include "figures.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace arenite::command {

std::string mib_text(double bytes) {
  return fmt::format("{:.1f}", bytes / k_mib);
}

std::string seconds_text(double s) {
  constexpr double k_few = 0.01;
  constexpr double k_none = 0.00005;
  return s < k_few && s >= k_none ? fmt::format("{:.4f}", s) : fmt::format("{:.2f}", s);
}

std::string count_text(double n) {
  std::string text = fmt::format("{:.0f}", n);
  for (size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, 1, ',');
  return text;
}

std::string compared(double value, double base, double tolerance) {
  const double ratio = base > 0 ? value / base : std::numeric_limits<double>::infinity();
  if (value == base || std::abs(ratio - 1) <= tolerance) {
    return fmt::format("the same within {:.0f} %", tolerance * 100);
  }
  if (ratio < 1) return fmt::format("{:.0f} % less", (1 - ratio) * 100);
  if (ratio < 2) return fmt::format("{:.0f} % more", (ratio - 1) * 100);
  return std::isinf(ratio) ? "more" : fmt::format("{:.1f} times as much", ratio);
}

}  // namespace arenite::command
