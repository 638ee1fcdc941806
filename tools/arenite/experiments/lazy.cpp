// Experiment lazy: what a large block costs when it is asked for, written to, and freed.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

std::string growth(const Run& run, const char* step, const char* figure) {
  return mib_text(run.step(step).number(figure) - run.step("start").number(figure));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format(
        "{}: malloc added {} MiB of addresses and {} MiB of memory; writing brought memory to {} "
        "MiB; after free {} MiB of addresses and {} MiB of memory were left.",
        run.allocator.name, growth(run, "malloced", "virtual_bytes"),
        growth(run, "malloced", "resident_bytes"), growth(run, "all written", "resident_bytes"),
        growth(run, "freed", "virtual_bytes"), growth(run, "freed", "resident_bytes")));
  }
  return said;
}

}  // namespace

Experiment lazy() {
  Experiment e;
  e.name = "lazy";
  e.summary =
      "{mebibytes} MiB are malloced, written to and freed: when do addresses become memory?";
  e.program = "lazy";
  e.options = {{"mebibytes", "how large the block is", 256, 1, 16 * 1024, 16}};
  e.steps = {"start", "malloced", "half written", "all written", "freed"};
  e.sections = {k_virtual_section, k_resident_section, k_faults_section,   k_calls_section,
                k_time_section,    k_data_section,     k_anonymous_section};
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.findings = {{"MiB of memory left after free",
                 [](const Run& run) { return growth(run, "freed", "resident_bytes"); }},
                {"MiB of memory after malloc",
                 [](const Run& run) { return growth(run, "malloced", "resident_bytes"); }},
                {"MiB of memory after writing",
                 [](const Run& run) { return growth(run, "all written", "resident_bytes"); }},
                {"MiB of addresses after malloc",
                 [](const Run& run) { return growth(run, "malloced", "virtual_bytes"); }}};
  e.deciding_step = "malloced";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
