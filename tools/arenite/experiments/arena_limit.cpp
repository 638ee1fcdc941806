// Experiment arena-limit: how many arenas there are for many threads, and who shares one with whom.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_counts[] = "counts";

std::string count_cell(const Step& row) {
  return count_text(row.number("count"));
}
std::string threads_cell(const Step& row) {
  return row.text("threads");
}

double count_of(const Run& run, const char* what) {
  return run.row(k_counts, what).number("count");
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    const auto added = [&](const char* figure) {
      return mib_text(run.step("each has asked").number(figure) -
                      run.step("threads created").number(figure));
    };
    said.push_back(fmt::format(
        "{}{}{}: {} threads have {} arenas, for which {} MiB are reserved and {} MiB resident; "
        "working took {} s of the processor.",
        run.allocator.name, run.variant.empty() ? "" : ", ", run.variant,
        count_text(count_of(run, "threads")), count_text(count_of(run, "arenas, by malloc_info")),
        added("virtual_bytes"), added("resident_bytes"),
        seconds_text(run.step("all have worked").number("cpu_seconds"))));
  }
  return said;
}

std::string added_by_asking(const Run& run, const char* figure) {
  return mib_text(run.step("each has asked").number(figure) -
                  run.step("threads created").number(figure));
}

}  // namespace

Experiment arena_limit() {
  Experiment e;
  e.name = "arena-limit";
  e.summary = "more threads than arenas: how many there are, who shares one, what sets the limit";
  e.program = "arena_limit";
  e.options = {{"threads", "how many threads ask", 24, 1, 1000},
               {"processors", "on how many processors at most; 0: all", 2, 0, 1024}};
  e.steps = {"start", "threads created", "each has asked", "all have worked"};
  e.tables = {{k_counts, "what", "how many", {{"as the program counts", count_cell}}},
              {"arenas", "arena", "each arena", {{"the threads that share it", threads_cell}}}};
  e.sections = {k_virtual_section, k_data_section, k_resident_section, k_calls_section,
                k_time_section};
  e.variants = {
      {.name = "one-processor",
       .title = "confined to one processor",
       .arguments = {"--processors", "1"}},
      {.name = "arena-max", .title = "MALLOC_ARENA_MAX=4", .environment = {"MALLOC_ARENA_MAX=4"}},
      {.name = "mallopt", .title = "mallopt(M_ARENA_MAX, 4)", .arguments = {"--arena-max", "4"}},
      {.name = "arena-test",
       .title = "MALLOC_ARENA_TEST=20",
       .environment = {"MALLOC_ARENA_TEST=20"}},
      {.name = "m32",
       .title = "as a 32-bit program with 24 threads",
       .arguments = {"--threads", "24"},
       .is_32_bit = true},
      {.name = "m32-one-processor",
       .title = "as a 32-bit program with three threads, confined to one processor",
       .arguments = {"--threads", "3", "--processors", "1"},
       .is_32_bit = true}};
  e.findings = {
      {"arenas, by malloc_info",
       [](const Run& run) { return count_text(count_of(run, "arenas, by malloc_info")); }},
      {"threads", [](const Run& run) { return count_text(count_of(run, "threads")); }},
      {"MiB reserved", [](const Run& run) { return added_by_asking(run, "virtual_bytes"); }},
      {"MiB resident", [](const Run& run) { return added_by_asking(run, "resident_bytes"); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
