// Experiment spacing: what a block of 1 to 100 bytes takes, as a 64-bit and as a 32-bit program.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_m32[] = "m32";

std::string distance_cell(const Step& row) {
  return count_text(row.number("distance"));
}
std::string usable_cell(const Step& row) {
  return count_text(row.number("usable"));
}

// "16, 32, 48, 64 …": the first few distances, and what is lost on the average of all sizes.
std::string told(const Run& run) {
  constexpr size_t k_few = 4;
  std::string distances;
  size_t told = 0;
  double last = 0;
  double lost = 0;
  const std::vector<Step>& rows = run.rows("sizes");
  for (const Step& row : rows) {
    lost += row.number("lost");
    const double distance = row.number("distance");
    if (distance == last || told == k_few) continue;
    distances += fmt::format("{}{}", told == 0 ? "" : ", ", count_text(distance));
    last = distance;
    told++;
  }
  return fmt::format(
      "{}{}: blocks stand {} … bytes apart; of 1 to {} bytes each loses {:.1f} on "
      "the average.",
      run.allocator.name, run.variant.empty() ? "" : ", 32-bit", distances, rows.size(),
      lost / static_cast<double>(rows.size()));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) said.push_back(told(run));
  return said;
}

std::string lost_on_average(const Run& run) {
  double lost = 0;
  const std::vector<Step>& rows = run.rows("sizes");
  for (const Step& row : rows) lost += row.number("lost");
  return rows.empty() ? "-" : fmt::format("{:.1f}", lost / static_cast<double>(rows.size()));
}

std::string distance_at(const Run& run, const char* asked) {
  return distance_cell(run.row("sizes", asked));
}

}  // namespace

Experiment spacing() {
  Experiment e;
  e.name = "spacing";
  e.summary = "the distance between neighbours of 1 to 100 bytes, in 64-bit and 32-bit programs";
  e.program = "spacing";
  e.steps = {"start", "blocks taken"};
  e.tables = {{"sizes",
               "asked",
               "bytes asked for",
               {{"distance to the next block", distance_cell}, {"usable bytes", usable_cell}},
               true}};
  e.curves = {
      {"bytes from one block to the next", "sizes", "asked", "distance", "bytes asked for"}};
  e.variants = {{.name = k_m32, .title = "as a 32-bit program", .is_32_bit = true}};
  e.findings = {{"bytes lost on the average", lost_on_average},
                {"distance at 24 bytes", [](const Run& run) { return distance_at(run, "24"); }},
                {"distance at 25 bytes", [](const Run& run) { return distance_at(run, "25"); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
