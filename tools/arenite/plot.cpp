// Bars by eighths. See plot.hpp.

#include "plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace arenite::command {
namespace {

constexpr size_t k_shortest_scale = 10;

// A bar of `length` columns, `length` not being whole.
std::string bar_text(double length, bool utf8) {
  static constexpr std::array k_eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string bar;
  if (utf8) {
    const auto eighths = static_cast<size_t>(std::lround(length * 8));
    for (size_t i = 0; i < eighths / 8; i++) bar += "█";
    return bar + k_eighths[eighths % 8];
  }
  return std::string(static_cast<size_t>(std::lround(length)), '#');
}

std::string left(const std::string& text, size_t width) {
  return text + std::string(width - display_width(text), ' ');
}

}  // namespace

std::string bar_plot(const std::string& title, const std::vector<Bar>& bars,
                     const Terminal& terminal) {
  size_t group_width = 0;
  size_t label_width = 0;
  size_t caption_width = 0;
  double largest = 0;
  for (const Bar& bar : bars) {
    group_width = std::max(group_width, display_width(bar.group));
    label_width = std::max(label_width, display_width(bar.label));
    caption_width = std::max(caption_width, display_width(bar.caption));
    largest = std::max(largest, bar.value);
  }
  const size_t taken = 2 + group_width + 2 + label_width + 2 + 1 + caption_width;
  const size_t scale = std::max(k_shortest_scale, terminal.width - std::min(terminal.width, taken));

  std::string out = terminal.bold(title) + '\n';
  const std::string* group = nullptr;
  for (const Bar& bar : bars) {
    const bool first_of_group = group == nullptr || *group != bar.group;
    group = &bar.group;
    const double length = largest > 0 ? bar.value / largest * static_cast<double>(scale) : 0;
    out += fmt::format("  {}  {}  {} {}\n", left(first_of_group ? bar.group : "", group_width),
                       left(bar.label, label_width),
                       terminal.coloured(bar.colour, bar_text(length, terminal.utf8)), bar.caption);
  }
  return out;
}

}  // namespace arenite::command
