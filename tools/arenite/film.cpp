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

// What the frame's first area covers with cells: of a large area only the beginning is of interest.
double covered_bytes(const Json& frame) {
  double end = 0;
  if (frame["memory"].empty()) return end;
  for (const Json& cell : frame["memory"].front()["cells"]) {
    end = std::max(end, cell.value("at", 0.0) + cell.value("bytes", 0.0));
  }
  return end;
}

std::string strip(const Json& frame, double y, double bytes) {
  std::string out;
  for (const Json& cell : frame["memory"].front()["cells"]) {
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
  std::vector<const Json*> frames;
  for (const Json& frame : drawing["frames"]) {
    if (frame.contains("memory") && covered_bytes(frame) > 0) frames.push_back(&frame);
  }
  if (frames.empty()) return {};
  const size_t count = std::min(frames.size(), k_most_strips);
  std::vector<const Json*> chosen;
  for (size_t i = 1; i <= count; i++) chosen.push_back(frames[i * frames.size() / count - 1]);
  double bytes = 0;
  for (const Json* frame : chosen) bytes = std::max(bytes, covered_bytes(*frame));
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
