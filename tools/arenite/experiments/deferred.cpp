// Experiment deferred: how many blocks two programs get that ask until the end, and what the end
// is.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_ends[] = "ends";
constexpr char k_alone[] = "malloc alone";
constexpr char k_filled[] = "malloc and memset";

std::string blocks_cell(const Step& row) {
  return count_text(row.number("blocks"));
}
std::string how_cell(const Step& row) {
  return row.text("how");
}
std::string virtual_cell(const Step& row) {
  return mib_text(row.number("virtual_bytes"));
}
std::string resident_cell(const Step& row) {
  return mib_text(row.number("resident_bytes"));
}
std::string faults_cell(const Step& row) {
  return count_text(row.number("minor_faults"));
}

std::string told(const Run& run, const char* program) {
  const Step& end = run.row(k_ends, program);
  return fmt::format("{} got {} MiB, of which {} were memory, before {}", program, blocks_cell(end),
                     resident_cell(end),
                     end.text("how") == "null pointer" ? "malloc returned a null pointer"
                                                       : "it was " + end.text("how"));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format("{}{}: {}; {}.", run.allocator.name,
                               run.variant.empty() ? "" : ", 32-bit", told(run, k_alone),
                               told(run, k_filled)));
  }
  return said;
}

}  // namespace

Experiment deferred() {
  Experiment e;
  e.name = "deferred";
  e.summary = "blocks are taken to the end, left alone or filled: a null pointer, or a kill";
  e.program = "deferred";
  e.options = {
      {"address-mebibytes", "the limit of addresses for each program", 4096, 512, 16 * 1024},
      {"memory-mebibytes", "the limit of memory for each program", 256, 16, 4096}};
  e.steps = {"start", k_alone, k_filled};
  e.tables = {{k_ends,
               "program",
               "program",
               {{"MiB taken", blocks_cell},
                {"how it ended", how_cell},
                {"addresses at the end, VmSize, MiB", virtual_cell},
                {"memory at the end, VmRSS, MiB", resident_cell},
                {"minor page faults", faults_cell}}},
              {k_alone, "blocks", k_alone, {}},
              {k_filled, "blocks", k_filled, {}}};
  e.sections = {k_calls_section, k_time_section};
  for (const char* program : {k_alone, k_filled}) {
    e.curves.push_back({fmt::format("memory, MiB; {}", program), program, "blocks",
                        "resident_bytes", "MiB taken", k_mib});
  }
  e.variants = {{.name = "m32",
                 .title = "as a 32-bit program, whose addresses end at 4 GiB",
                 .is_32_bit = true}};
  e.findings = {
      {"MiB taken and filled before the end",
       [](const Run& run) { return blocks_cell(run.row(k_ends, k_filled)); }},
      {"how it ended", [](const Run& run) { return how_cell(run.row(k_ends, k_filled)); }},
      {"MiB taken and left alone",
       [](const Run& run) { return blocks_cell(run.row(k_ends, k_alone)); }},
      {"how that ended", [](const Run& run) { return how_cell(run.row(k_ends, k_alone)); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
