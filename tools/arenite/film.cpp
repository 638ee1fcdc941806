// See film.hpp. A cell is drawn as wide as the bytes it has, of the largest area of any frame
// shown.

#include "film.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "html.hpp"

namespace arenite::command {
namespace {

constexpr size_t k_most_strips = 9;
constexpr double k_width = 340;
constexpr double k_strip_height = 16;
constexpr double k_strip_pitch = 22;

// How wide a cell is, against the others: as its bytes, but the long ones ever less so. As
// player.js has it.
double weight(const Json& cell) {
  constexpr double k_even = 64;
  const double bytes = std::max(4.0, cell.value("bytes", 0.0));
  return bytes <= k_even ? bytes : k_even * (1 + std::log2(bytes / k_even));
}

double weight_of_all(const Json& area) {
  double sum = 0;
  if (!area.contains("cells")) return sum;
  for (const Json& cell : area["cells"]) sum += weight(cell);
  return sum;
}

// The frame's area of that name, or null.
const Json* area_of(const Json& frame, const std::string& name) {
  if (!frame.contains("memory")) return nullptr;
  for (const Json& area : frame["memory"]) {
    if (area.value("name", "") == name && weight_of_all(area) > 0) return &area;
  }
  return nullptr;
}

// The largest of any frame.
std::string main_area(const Json& frames) {
  std::string name;
  double largest = 0;
  for (const Json& frame : frames) {
    if (!frame.contains("memory")) continue;
    for (const Json& area : frame["memory"]) {
      if (weight_of_all(area) <= largest) continue;
      largest = weight_of_all(area);
      name = area.value("name", "");
    }
  }
  return name;
}

std::string strip(const Json& area, double y, double widest) {
  std::string out;
  double x = 0;
  for (const Json& cell : area["cells"]) {
    const double width = weight(cell) / widest * k_width;
    out += fmt::format(
        "<rect class=\"cell {}\" x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\"/>\n",
        escaped(cell.value("kind", "")), x, y, std::max(width - 1, 0.5), k_strip_height);
    x += width;
  }
  return out;
}

}  // namespace

std::string film(const Json& drawing) {
  const std::string name = main_area(drawing["frames"]);
  std::vector<const Json*> areas;
  for (const Json& frame : drawing["frames"]) {
    if (const Json* const area = area_of(frame, name)) areas.push_back(area);
  }
  if (areas.empty()) return {};
  const size_t count = std::min(areas.size(), k_most_strips);
  std::vector<const Json*> chosen;
  for (size_t i = 1; i <= count; i++) chosen.push_back(areas[i * areas.size() / count - 1]);
  double widest = 0;
  for (const Json* area : chosen) widest = std::max(widest, weight_of_all(*area));
  std::string out;
  for (size_t i = 0; i < chosen.size(); i++) {
    out += strip(*chosen[i], static_cast<double>(i) * k_strip_pitch, widest);
  }
  return fmt::format(
      "<svg class=\"film\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\">\n{2}</svg>\n",
      k_width, static_cast<double>(count) * k_strip_pitch, out);
}

}  // namespace arenite::command
