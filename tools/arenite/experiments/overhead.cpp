// Experiment overhead: asked, usable, resident, by size.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_sizes[] = "sizes";
constexpr char k_curve[] = "curve";

std::string usable_cell(const Step& row) {
  return count_text(row.number("usable"));
}
std::string resident_cell(const Step& row) {
  return count_text(row.number("resident"));
}
std::string lost_cell(const Step& row) {
  return fmt::format("{:.1f}", row.number("lost_permille") / 10);
}

constexpr double k_small = 128;  // up to here slabs have a size for every 16 bytes

// Of the sizes on the curve within (above, up_to], all alike.
std::string lost_on_average(const Run& run, double above, double up_to) {
  double permille = 0;
  size_t sizes = 0;
  for (const Step& row : run.rows(k_curve)) {
    if (row.number("asked") <= above || row.number("asked") > up_to) continue;
    permille += row.number("lost_permille");
    sizes++;
  }
  return fmt::format("{:.1f} %", permille / 10 / static_cast<double>(sizes));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    const auto resident = [&](const char* size) {
      return count_text(run.row(k_sizes, size).number("resident"));
    };
    said.push_back(fmt::format(
        "{}: a block of 24 bytes takes {}, one of 25 {}, one of 64 {}. What nobody asked for is {} "
        "of the memory of blocks up to 128 bytes, {} from there to 512, on the average of the "
        "sizes.",
        run.allocator.name, resident("24"), resident("25"), resident("64"),
        lost_on_average(run, 0, k_small), lost_on_average(run, k_small, 512)));
  }
  return said;
}

}  // namespace

Experiment overhead() {
  Experiment e;
  e.name = "overhead";
  e.summary = "what a block takes beyond what was asked for: header, rounding, ends of pages";
  e.program = "overhead";
  e.steps = {"start"};
  e.tables = {{k_sizes,
               "asked",
               "bytes asked for",
               {{"usable bytes", usable_cell},
                {"resident bytes for a block", resident_cell},
                {"resident and not asked for, %", lost_cell}}},
              {k_curve, "asked", "", {}}};
  e.curves = {{"usable bytes", k_curve, "asked", "usable", "bytes asked for", 1, "asked", "asked"},
              {"resident bytes for a block", k_curve, "asked", "resident", "bytes asked for", 1,
               "asked", "asked"},
              {"of the resident bytes, % that nobody asked for", k_curve, "asked", "lost_permille",
               "bytes asked for", 10}};
  e.findings = {
      {"not asked for, of blocks up to 128 bytes",
       [](const Run& run) { return lost_on_average(run, 0, k_small); }},
      {"from there to 512", [](const Run& run) { return lost_on_average(run, k_small, 512); }},
      {"bytes for 24", [](const Run& run) { return resident_cell(run.row(k_sizes, "24")); }},
      {"for 25", [](const Run& run) { return resident_cell(run.row(k_sizes, "25")); }},
      {"for 64", [](const Run& run) { return resident_cell(run.row(k_sizes, "64")); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
