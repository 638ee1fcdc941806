// Experiment fragment: what long-lived blocks among short-lived ones hold back.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_moments[] = "moments";
constexpr char k_one_size[] = "one-size";

std::string memory_cell(const Step& row) {
  return fmt::format("{} / {}", mib_text(row.number("resident_bytes")),
                     mib_text(row.number("live_bytes")));
}

std::string calls_cell(const Step& step) {
  return fmt::format("{} / {}", call_count_text(step, "brk"), call_count_text(step, "madvise"));
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    const Step& later = run.row(k_moments, "a second later");
    said.push_back(fmt::format(
        "{}{}: when all waves are over {} MiB are live and {} resident; {} when these are freed, "
        "too.",
        run.allocator.name, run.variant == k_one_size ? ", one size" : "",
        mib_text(later.number("live_bytes")), mib_text(later.number("resident_bytes")),
        mib_text(run.row(k_moments, "all freed").number("resident_bytes"))));
  }
  return said;
}

std::string moment(const Run& run, const char* name, const char* figure) {
  return mib_text(run.row(k_moments, name).number(figure));
}

}  // namespace

Experiment fragment() {
  Experiment e;
  e.name = "fragment";
  e.summary = "some blocks stay among many that go: live against resident memory over time";
  e.program = "fragment";
  e.options = {{"wave", "MiB of short-lived blocks in each wave", 16, 1, 1024, 8}};
  e.steps = {"start",        "wave 1",         "wave 1 freed", "wave 2",       "wave 2 freed",
             "wave 3",       "wave 3 freed",   "wave 4",       "wave 4 freed", "wave 5",
             "wave 5 freed", "a second later", "all freed"};
  e.tables = {
      {k_moments, "moment", "added since the start", {{"resident / live, MiB", memory_cell}}}};
  e.sections = {{"calls of brk / madvise", calls_cell}, k_heap_section};
  e.curves = {{"resident MiB, and what of them is live", k_moments, "number", "resident_bytes",
               "moment", k_mib, "live_bytes", "live"}};
  e.variants = {{.name = k_one_size,
                 .title = "all of one size, one in 64 stays",
                 .arguments = {"--one-size", "1"}}};
  e.findings = {
      {"MiB resident when all waves are over",
       [](const Run& run) { return moment(run, "a second later", "resident_bytes"); }},
      {"MiB live then", [](const Run& run) { return moment(run, "a second later", "live_bytes"); }},
      {"MiB resident when all is freed",
       [](const Run& run) { return moment(run, "all freed", "resident_bytes"); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
