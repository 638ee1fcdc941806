// See curves.hpp.

#include "curves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arenite::command {
namespace {

constexpr size_t k_height = 12;
constexpr size_t k_narrowest = 20;

std::string number_text(double n) {
  return std::abs(n) < 100 && n != std::floor(n) ? fmt::format("{:.1f}", n)
                                                 : fmt::format("{:.0f}", n);
}

struct Scale {
  double least_x = 0;
  double most_x = 0;
  double most_y = 0;

  explicit Scale(const std::vector<Curve>& curves) {
    bool is_first = true;
    for (const Curve& curve : curves) {
      for (const Point& point : curve.points) {
        least_x = is_first ? point.x : std::min(least_x, point.x);
        most_x = is_first ? point.x : std::max(most_x, point.x);
        most_y = std::max(most_y, point.y);
        is_first = false;
      }
    }
  }
  size_t column(double x, size_t width) const {
    const double part = most_x > least_x ? (x - least_x) / (most_x - least_x) : 0;
    return static_cast<size_t>(std::lround(part * static_cast<double>(width - 1)));
  }
  // Counted from below.
  size_t line(double y) const {
    const double part = most_y > 0 ? y / most_y : 0;
    return static_cast<size_t>(std::lround(part * static_cast<double>(k_height - 1)));
  }
};

char letter(size_t number) {
  return static_cast<char>('a' + number % 26);
}

}  // namespace

std::string curve_plot(const std::string& title, const std::string& x_title,
                       const std::vector<Curve>& curves, const Terminal& terminal) {
  const Scale scale(curves);
  const std::string top = number_text(scale.most_y);
  const size_t left = 2 + top.size() + 2;
  const size_t width = std::max(k_narrowest, terminal.width - std::min(terminal.width, left + 1));
  // The number of the curve in each place, plus one.
  std::vector<std::vector<size_t>> places(k_height, std::vector<size_t>(width, 0));
  for (size_t i = 0; i < curves.size(); i++) {
    for (const Point& point : curves[i].points) {
      places[scale.line(point.y)][scale.column(point.x, width)] = i + 1;
    }
  }
  std::string out = terminal.bold(title) + '\n';
  for (size_t line = k_height; line-- > 0;) {
    const std::string label = line == k_height - 1 ? top : line == 0 ? "0" : "";
    std::string drawn;
    size_t blanks = 0;  // none at the end of a line
    for (const size_t place : places[line]) {
      if (place == 0) {
        blanks++;
        continue;
      }
      drawn += std::string(blanks, ' ');
      blanks = 0;
      drawn += terminal.coloured(curves[place - 1].colour, std::string(1, letter(place - 1)));
    }
    out += fmt::format("  {:>{}} |{}\n", label, top.size(), drawn);
  }
  const std::string from = number_text(scale.least_x);
  const std::string to = fmt::format("{}  {}", number_text(scale.most_x), x_title);
  const size_t gap = width > from.size() + to.size() ? width - from.size() - to.size() : 1;
  out += fmt::format("{}{}{}{}\n", std::string(left, ' '), from, std::string(gap, ' '), to);
  out += "  ";
  for (size_t i = 0; i < curves.size(); i++) {
    out += fmt::format("{}{} {}", i == 0 ? "" : "  ",
                       terminal.coloured(curves[i].colour, std::string(1, letter(i))),
                       curves[i].label);
  }
  return out + '\n';
}

}  // namespace arenite::command
