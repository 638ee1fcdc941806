// Experiment contention: how fast many threads take and free blocks, and how often one has to wait.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr double k_million = 1e6;

std::string speed_cell(const Step& row) {
  return fmt::format("{:.1f}", row.number("operations_a_second") / k_million);
}
std::string waits_cell(const Step& row) {
  return fmt::format("{} / {}", count_text(row.number("waits")),
                     count_text(row.number("waits_in_a_million")));
}

std::string waits_of(const Run& run, const char* table) {
  double waits = 0;
  double operations = 0;
  for (const Step& row : run.rows(table)) {
    waits += row.number("waits");
    operations += row.number("operations");
  }
  return operations > 0 ? count_text(waits / operations * k_million) : "-";
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format(
        "{}{}{}: in a million operations a thread waited {} times with small blocks of "
        "its own, {} with middle ones, {} with small ones passed between threads, {} "
        "with middle ones.",
        run.allocator.name, run.variant.empty() ? "" : ", ", run.variant, waits_of(run, "small"),
        waits_of(run, "middle"), waits_of(run, "small passed"), waits_of(run, "middle passed")));
  }
  return said;
}

}  // namespace

Experiment contention() {
  Experiment e;
  e.name = "contention";
  e.summary =
      "1 to {threads} threads take and free blocks at once: how fast, and who waits for a lock?";
  e.program = "contention";
  e.options = {{"milliseconds", "how long each number of threads works", 50, 1, 10'000},
               {"threads", "the most threads: 1, 2, 4 … of them", 16, 1, 64}};
  e.steps = {"start", "small", "middle", "small passed", "middle passed"};
  const std::vector<Section> found = {{"million operations a second", speed_cell},
                                      {"waits / in a million operations", waits_cell}};
  e.tables = {{"small", "threads", "threads with small blocks", found},
              {"middle", "threads", "threads with middle blocks", found},
              {"small passed", "threads", "threads that pass small blocks on", found},
              {"middle passed", "threads", "threads that pass middle blocks on", found}};
  for (const char* table : {"small passed", "middle passed"}) {
    e.curves.push_back({fmt::format("{}: million operations a second", table), table, "threads",
                        "operations_a_second", "threads", k_million});
    e.curves.push_back({fmt::format("{}: waits in a million operations", table), table, "threads",
                        "waits_in_a_million", "threads"});
  }
  e.sections = {k_resident_section, k_faults_section};
  e.variants = {
      {.name = "one-arena", .title = "MALLOC_ARENA_MAX=1", .environment = {"MALLOC_ARENA_MAX=1"}}};
  e.is_traced = false;  // a call that is held is a wait
  e.findings = {
      {"waits in a million operations, small blocks passed on",
       [](const Run& run) { return waits_of(run, "small passed"); }},
      {"middle ones passed on", [](const Run& run) { return waits_of(run, "middle passed"); }},
      {"small ones of its own", [](const Run& run) { return waits_of(run, "small"); }},
      {"middle ones of its own", [](const Run& run) { return waits_of(run, "middle"); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
