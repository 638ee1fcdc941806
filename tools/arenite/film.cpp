// See film.hpp. A cell is drawn as wide as the bytes it has, of the largest area of any frame
// shown.

#include "film.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "html.hpp"

namespace arenite::command {
namespace {

constexpr size_t k_most_strips = 9;
constexpr double k_width = 340;
constexpr double k_strip_height = 16;
constexpr double k_strip_pitch = 22;

// Up to where an area is drawn: of a large one only the beginning is of interest.
double covered_bytes(const Json& area) {
  if (!area.contains("cells") || area["cells"].empty()) return 0;
  const Json& last = area["cells"].back();
  return last.value("at", 0.0) + last.value("bytes", 0.0);
}

// The frame's area of that name, or null.
const Json* area_of(const Json& frame, const std::string& name) {
  if (!frame.contains("memory")) return nullptr;
  for (const Json& area : frame["memory"]) {
    if (area.value("name", "") == name && covered_bytes(area) > 0) return &area;
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
      if (covered_bytes(area) <= largest) continue;
      largest = covered_bytes(area);
      name = area.value("name", "");
    }
  }
  return name;
}

std::string strip(const Json& area, double y, double bytes) {
  std::string out;
  for (const Json& cell : area["cells"]) {
    const double width = cell.value("bytes", 0.0) / bytes * k_width;
    out += fmt::format(
        "<rect class=\"cell {}\" x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\"/>\n",
        escaped(cell.value("kind", "")), cell.value("at", 0.0) / bytes * k_width, y,
        std::max(width - 1, 0.5), k_strip_height);
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
  double bytes = 0;
  for (const Json* area : chosen) bytes = std::max(bytes, covered_bytes(*area));
  std::string out;
  for (size_t i = 0; i < chosen.size(); i++) {
    out += strip(*chosen[i], static_cast<double>(i) * k_strip_pitch, bytes);
  }
  return fmt::format(
      "<svg class=\"film\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\">\n{2}</svg>\n",
      k_width, static_cast<double>(count) * k_strip_pitch, out);
}

}  // namespace arenite::command
