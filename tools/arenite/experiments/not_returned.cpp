// Experiment not-returned: of what was taken and freed, how much stays, and what brings it back.

#include <fmt/format.h>

#include <algorithm>

#include "experiments.hpp"

namespace arenite::command {
namespace {

double kept(const Run& run, const char* step) {
  return std::max(0.0, own_resident_bytes(run.step(step)) - own_resident_bytes(run.step("start")));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format(
        "{}{}: of {} MiB taken, {} are still there when all is freed, {} after one more malloc and "
        "free of 10 KiB, {} after one of 70 KiB.",
        run.allocator.name, run.variant.empty() ? "" : ", " + run.variant,
        mib_text(kept(run, "taken")), mib_text(kept(run, "freed")),
        mib_text(kept(run, "10 KiB once more")), mib_text(kept(run, "70 KiB once more"))));
  }
  return said;
}

}  // namespace

Experiment not_returned() {
  Experiment e;
  e.name = "not-returned";
  e.summary =
      "{pairs} times 10 KiB and one byte are freed: what goes back, and what brings the rest";
  e.program = "not_returned";
  e.options = {{"pairs", "how many times 10 KiB and one byte", 1024, 1, 64 * 1024}};
  e.steps = {"start", "taken", "freed", "10 KiB once more", "70 KiB once more"};
  e.sections = {k_resident_section, k_heap_section,   k_anonymous_section,
                k_calls_section,    k_faults_section, k_virtual_section};
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.variants = {{.name = "without thread cache",
                 .title = "glibc without its thread cache, as before 2.26",
                 .environment = {"GLIBC_TUNABLES=glibc.malloc.tcache_count=0"},
                 .allocators = {"glibc"}}};
  e.findings = {
      {"MiB kept when all is freed", [](const Run& run) { return mib_text(kept(run, "freed")); }},
      {"after 10 KiB once more",
       [](const Run& run) { return mib_text(kept(run, "10 KiB once more")); }},
      {"after 70 KiB once more",
       [](const Run& run) { return mib_text(kept(run, "70 KiB once more")); }},
      {"MiB taken", [](const Run& run) { return mib_text(kept(run, "taken")); }}};
  e.deciding_step = "freed";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
