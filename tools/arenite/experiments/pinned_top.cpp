// Experiment pinned-top: what one block at the heap's end holds up, and what helps.

#include <fmt/format.h>

#include <algorithm>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_last_blocks[] = "last blocks";

std::string pinned_cell(const Step& row) {
  return mib_text(row.number("pinned"));
}
std::string freed_cell(const Step& row) {
  return mib_text(row.number("freed"));
}

double kept(const Run& run, const char* step) {
  return std::max(0.0, own_resident_bytes(run.step(step)) - own_resident_bytes(run.step("start")));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    const Step& trimmed = run.step("malloc_trim(0)");
    said.push_back(fmt::format(
        "{}: of {} MiB, {} stay while the last block does; malloc_trim(0) leaves {}, and {} MiB of "
        "addresses in [heap].",
        run.allocator.name, mib_text(kept(run, "taken")),
        mib_text(kept(run, "all but the last freed")), mib_text(kept(run, "malloc_trim(0)")),
        mib_text(trimmed.number("heap_bytes"))));
  }
  return said;
}

}  // namespace

Experiment pinned_top() {
  Experiment e;
  e.name = "pinned-top";
  e.summary = "all is freed but one small block at the heap's end: what it holds up, what helps";
  e.program = "pinned_top";
  e.options = {{"mebibytes", "how much is taken below the last block", 64, 1, 1024}};
  e.steps = {"start",          "taken",          "all but the last freed",
             "malloc_trim(0)", "the last freed", "malloc_trim(0) again"};
  e.sections = {k_resident_section, k_heap_section, k_virtual_section, k_calls_section,
                k_time_section};
  e.tables = {{k_last_blocks,
               "bytes",
               "bytes of the last block",
               {{"MiB kept while it is there", pinned_cell},
                {"MiB kept when it is freed, too", freed_cell}}}};
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.findings = {{"MiB kept while the last block is there",
                 [](const Run& run) { return mib_text(kept(run, "all but the last freed")); }},
                {"after malloc_trim(0)",
                 [](const Run& run) { return mib_text(kept(run, "malloc_trim(0)")); }},
                {"MiB taken", [](const Run& run) { return mib_text(kept(run, "taken")); }}};
  e.deciding_step = "all but the last freed";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
