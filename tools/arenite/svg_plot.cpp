// See svg_plot.hpp. All lengths are CSS pixels.

#include "svg_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "figures.hpp"
#include "html.hpp"
#include "words.hpp"

namespace arenite::command {
namespace {

// At the plots' 13 pixels, in the widest of the usual fonts: of a letter, of a Chinese sign.
constexpr double k_letter = 8.3;
constexpr double k_sign = 13;
constexpr double k_bar_height = 15;
constexpr double k_bar_pitch = 19;
constexpr double k_group_gap = 12;
constexpr double k_group_title_height = 20;
constexpr double k_text_drop = 4.5;  // from a line's middle down to its letters' foot
constexpr double k_plot_height = 260;
constexpr double k_margin = 8;
constexpr double k_logarithmic_from = 1000;

double text_width(std::string_view text) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) width += k_letter;
    if (byte >= 0xc0) width += k_sign;  // the first of several bytes
  }
  return width;
}

// In whichever language it is longer.
double title_width(const std::string& title) {
  return std::max(text_width(title), text_width(in_chinese(title).value_or("")));
}

std::string svg(double width, double height, const std::string& inside) {
  return fmt::format(
      "<svg class=\"{0}\" viewBox=\"0 0 {1:.0f} {2:.0f}\" width=\"{1:.0f}\" height=\"{2:.0f}\" "
      "role=\"img\">\n{3}</svg>\n",
      width < k_desk_width ? "phone" : "desk", width, std::ceil(height), inside);
}

std::string text_at(double x, double y, const char* kind, const std::string& html) {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", kind, x, y, html);
}

std::string line_between(double x1, double y1, double x2, double y2, const char* kind) {
  return fmt::format(
      "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind, x1,
      y1, x2, y2);
}

// 1234567 is "1,234,567", 0.25 "0.25".
std::string tick_text(double value) {
  return value == std::floor(value) ? count_text(value) : fmt::format("{:g}", value);
}

// From a figure to its place on the paper, linear or by its logarithm.
struct Scale {
  double from;
  double to;
  double place_from;
  double place_to;
  bool is_logarithmic;

  double operator()(double value) const {
    const double part = is_logarithmic ? std::log(value / from) / std::log(to / from)
                                       : (value - from) / (to - from);
    return place_from + part * (place_to - place_from);
  }
};

struct Range {
  double from = HUGE_VAL;
  double to = -HUGE_VAL;

  Range(const std::vector<Curve>& curves, double Point::*figure) {
    for (const Curve& curve : curves) {
      for (const Point& point : curve.points) {
        from = std::min(from, point.*figure);
        to = std::max(to, point.*figure);
      }
    }
    if (from > to) from = to = 0;
    if (from == to) to = from + 1;
  }
};

std::string polyline(const Curve& curve, const Scale& x, const Scale& y, size_t stroke) {
  std::string points;
  for (const Point& point : curve.points) {
    points += fmt::format("{:.1f},{:.1f} ", x(point.x), y(point.y));
  }
  return fmt::format(
      "<polyline class=\"{}\" stroke-width=\"{}\" points=\"{}\"><title>{}</title></polyline>\n",
      colour_class(curve.label), stroke, points, escaped(curve.label));
}

}  // namespace

std::string colour_class(const std::string& allocator) {
  constexpr std::array k_names = {"glibc",    "arenite-classic", "arenite",  "jemalloc",
                                  "tcmalloc", "mimalloc",        "tbbmalloc"};
  const auto found = std::find(k_names.begin(), k_names.end(), allocator);
  return fmt::format("s{}", found - k_names.begin());
}

std::string svg_bars(const std::vector<Bar>& bars, double width) {
  double largest = 0;
  double group_width = 0;
  double caption_width = 0;
  for (const Bar& bar : bars) {
    largest = std::max(largest, bar.value);
    group_width = std::max(group_width, title_width(bar.group));
    caption_width = std::max(caption_width, text_width(bar.caption));
  }
  const bool has_titles_above = width < k_desk_width;
  const double left = has_titles_above ? 1 : group_width + 2 * k_margin;
  const double room = width - left - caption_width - 2 * k_margin;

  std::string out;
  double y = 0;
  const std::string* group = nullptr;
  for (const Bar& bar : bars) {
    if (group == nullptr || *group != bar.group) {
      if (group != nullptr) y += k_group_gap;
      const std::string title = in_both(bar.group, "tspan");
      if (has_titles_above) {
        out += text_at(0, y + k_group_title_height / 2 + k_text_drop - 2, "label", title);
        y += k_group_title_height;
      } else {
        out += text_at(left - k_margin, y + k_bar_height / 2 + k_text_drop, "label end", title);
      }
      group = &bar.group;
    }
    out += line_between(left, y, left, y + k_bar_height, "axis");
    const double length = largest > 0 ? std::max(1.0, bar.value / largest * room) : 1;
    out += fmt::format(
        "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" rx=\"2\">"
        "<title>{}: {}</title></rect>\n",
        colour_class(bar.label), left, y, length, k_bar_height, escaped(bar.label),
        escaped(bar.caption));
    out += text_at(left + length + k_margin - 2, y + k_bar_height / 2 + k_text_drop, "value",
                   escaped(bar.caption));
    y += k_bar_pitch;
  }
  return svg(width, y, out);
}

std::vector<double> ticks(double from, double to, size_t count, bool is_logarithmic) {
  constexpr double k_hair = 1e-9;  // what rounding may have taken
  std::vector<double> marks;
  if (is_logarithmic) {
    const double first = std::ceil(std::log10(from) - k_hair);
    const double last = std::floor(std::log10(to) + k_hair);
    const auto powers = static_cast<int>(last - first);
    const int step = std::max(1, (powers + static_cast<int>(count) - 1) / static_cast<int>(count));
    for (int i = 0; i <= powers; i += step) marks.push_back(std::pow(10, first + i));
    return marks;
  }
  const double rough = (to - from) / static_cast<double>(count);
  const double unit = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * unit;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * unit >= rough * (1 - k_hair)) step = factor * unit;
  }
  const double first = std::ceil(from / step - k_hair);
  const auto steps = static_cast<int>(to / step + k_hair - first);
  for (int i = 0; i <= steps; i++) marks.push_back((first + i) * step + 0.0);  // not -0
  return marks;
}

std::string svg_curves(const std::string& x_title, const std::vector<Curve>& curves, double width) {
  constexpr size_t k_ticks_up = 5;
  const size_t ticks_across = width < k_desk_width ? 4 : 8;
  const Range across(curves, &Point::x);
  Range up(curves, &Point::y);
  up.from = std::min(up.from, 0.0);
  const bool is_logarithmic = across.from > 0 && across.to / across.from > k_logarithmic_from;

  // The axis ends at a mark above all curves.
  std::vector<double> marks = ticks(up.from, up.to, k_ticks_up, false);
  if (marks.back() < up.to) marks.push_back(2 * marks.back() - marks[marks.size() - 2]);
  double left = 0;
  for (const double mark : marks) left = std::max(left, text_width(tick_text(mark)) + k_margin);
  const std::vector<double> marks_across =
      ticks(across.from, across.to, ticks_across, is_logarithmic);
  const double last_width = marks_across.empty() ? 0 : text_width(tick_text(marks_across.back()));
  const double top = k_margin;
  const double bottom = k_plot_height - 42;
  const double right = width - std::max(k_margin, last_width / 2 + 1);
  const Scale x{across.from, across.to, left, right, is_logarithmic};
  const Scale y{up.from, marks.back(), bottom, top, false};

  std::string out;
  for (const double mark : marks) {
    out += line_between(left, y(mark), right, y(mark), "grid");
    out += text_at(left - k_margin + 2, y(mark) + k_text_drop, "value end", tick_text(mark));
  }
  for (const double mark : marks_across) {
    out += line_between(x(mark), bottom, x(mark), bottom + 4, "axis");
    out += text_at(x(mark), bottom + 17, "value middle", tick_text(mark));
  }
  out += line_between(left, y(0), right, y(0), "axis");
  out += text_at((left + right) / 2, k_plot_height - 6, "label middle", in_both(x_title, "tspan"));
  // Each is drawn thinner than the one below it, so that curves that are the same are all seen.
  for (size_t i = 0; i < curves.size(); i++) {
    out += polyline(curves[i], x, y, 2 * (curves.size() - i));
  }
  return svg(width, k_plot_height, out);
}

}  // namespace arenite::command
