// Experiment vector-of-blocks: what a million blocks of a few bytes take, and where it steps.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_sizes[] = "sizes";

std::string blocks_cell(const Step& row) {
  return mib_text(row.number("block_bytes"));
}
std::string both_cell(const Step& row) {
  return mib_text(row.number("block_bytes") + row.number("vector_bytes"));
}

// The vector and its blocks, in MiB and, the blocks alone, each.
std::string told(const Run& run, const char* asked, double blocks) {
  const Step& row = run.row(k_sizes, asked);
  return fmt::format("{} MiB for {} bytes, {:.1f} a block", both_cell(row), asked,
                     row.number("block_bytes") / blocks);
}

std::vector<std::string> conclude(const std::vector<Run>& runs,
                                  const std::vector<NumberOption>& options) {
  const auto blocks = static_cast<double>(options.front().value);
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format("{}: the vector and its blocks are {}; {}.", run.allocator.name,
                               told(run, "23", blocks), told(run, "25", blocks)));
  }
  return said;
}

}  // namespace

Experiment vector_of_blocks() {
  Experiment e;
  e.name = "vector-of-blocks";
  e.summary =
      "a vector of {blocks} blocks of 23 bytes, and of 25: two bytes more, sixteen bytes more";
  e.program = "vector_of_blocks";
  e.options = {{"blocks", "how many blocks", 1024 * 1024, 1, 64 * 1024 * 1024, 200'000}};
  e.steps = {"start", "a vector", "23 bytes each", "another vector", "25 bytes each"};
  e.sections = {k_resident_section,  k_faults_section, k_heap_section,
                k_anonymous_section, k_calls_section,  k_time_section};
  e.tables = {{k_sizes,
               "asked",
               "bytes a block",
               {{"MiB for the blocks", blocks_cell}, {"MiB with the vector", both_cell}}}};
  e.curves = {
      {"memory of the blocks, MiB", k_sizes, "asked", "block_bytes", "bytes asked for", k_mib}};
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.findings = {{"MiB with the vector, 25 bytes each",
                 [](const Run& run) { return both_cell(run.row(k_sizes, "25")); }},
                {"MiB with the vector, 23 bytes each",
                 [](const Run& run) { return both_cell(run.row(k_sizes, "23")); }}};
  e.deciding_step = "25 bytes each";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
