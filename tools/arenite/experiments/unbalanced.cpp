// Experiment unbalanced: can what one thread freed serve another?

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

std::string own_resident_cell(const Step& step) {
  return mib_text(own_resident_bytes(step));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    const auto more = [&](const char* step) {
      return mib_text(own_resident_bytes(run.step(step)) - own_resident_bytes(run.step("start")));
    };
    said.push_back(fmt::format(
        "{}{}{}: thread 1 took {} MiB, and when it had freed them {} were left; thread 2's brought "
        "it to {}; when all was free {} were left, and {} after malloc_trim.",
        run.allocator.name, run.variant.empty() ? "" : ", ", run.variant, more("1 has its blocks"),
        more("1 freed them"), more("2 has its blocks"), more("2 freed them"), more("malloc_trim")));
  }
  return said;
}

std::string more_than_at_start(const Run& run, const char* step) {
  return mib_text(own_resident_bytes(run.step(step)) - own_resident_bytes(run.step("start")));
}

}  // namespace

Experiment unbalanced() {
  Experiment e;
  e.name = "unbalanced";
  e.summary =
      "thread 1 uses {megabytes} MB and frees them, then thread 2 needs as much: is it once or "
      "twice?";
  e.program = "unbalanced";
  e.options = {{"megabytes", "how much each thread needs, in millions of bytes", 300, 1, 2000},
               {"bytes", "in blocks of this size", 1000, 1, 100'000}};
  e.steps = {"start",        "1 has its blocks", "1 freed them", "2 has its blocks",
             "2 freed them", "malloc_trim"};
  e.sections = {{"resident, without program and libraries, MiB", own_resident_cell},
                k_resident_section,
                k_virtual_section,
                k_faults_section,
                k_time_section};
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.variants = {{.name = "nothing-kept",
                 .title = "thread 1 frees its last block as well",
                 .arguments = {"--keeps", "0"}},
                {.name = "ended",
                 .title = "thread 1 has ended before thread 2 begins",
                 .arguments = {"--ends", "1"}},
                {.name = "middle",
                 .title = "in blocks of 10,000 bytes, more than a slab serves",
                 .arguments = {"--bytes", "10000"}}};
  e.is_traced = false;  // a heap of ptmalloc2's grows by the page: 73,670 calls of mprotect
  e.findings = {
      {"MiB when thread 2 has its blocks",
       [](const Run& run) { return more_than_at_start(run, "2 has its blocks"); }},
      {"when thread 1 has",
       [](const Run& run) { return more_than_at_start(run, "1 has its blocks"); }},
      {"when thread 1 freed them",
       [](const Run& run) { return more_than_at_start(run, "1 freed them"); }},
      {"when all is freed", [](const Run& run) { return more_than_at_start(run, "2 freed them"); }},
      {"after malloc_trim", [](const Run& run) { return more_than_at_start(run, "malloc_trim"); }}};
  e.deciding_step = "2 has its blocks";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
