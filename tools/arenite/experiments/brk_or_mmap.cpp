// Experiment brk-or-mmap: which request takes which way, and what moves the border.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_requests[] = "requests";
constexpr char k_after_mallopt[] = "requests after mallopt";
constexpr char k_places[] = "places";

std::string place_cell(const Step& row) {
  return row.text("place");
}
std::string malloc_cell(const Step& row) {
  return row.text("malloc_calls");
}
std::string free_cell(const Step& row) {
  return row.text("free_calls");
}

// The smallest request from which on all have a mapping, as text.
std::string mapped_from(const Run& run, const char* table) {
  std::string from = "none";
  for (const Step& row : run.rows(table)) {
    if (row.text("place") != "mapping") {
      from = "none";
    } else if (from == "none") {
      from = count_text(row.number("asked"));
    }
  }
  return from;
}

std::string place_of(const Run& run, const char* step) {
  return run.row(k_places, step).text("place");
}

// "from [heap]", "from a region again".
std::string again_from(const Run& run) {
  const std::string first = place_of(run, "1 MiB taken");
  const std::string second = place_of(run, "1 MiB again");
  if (second == "[heap]") return "from [heap]";
  return fmt::format("from a {}{}", second, first == second ? " again" : "");
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format(
        "{}: requests from {} bytes on have mappings, after mallopt(M_MMAP_THRESHOLD, 64 KiB) from "
        "{} on; 1 MiB is first served from a {}, and once that was freed {}.",
        run.allocator.name, mapped_from(run, k_requests), mapped_from(run, k_after_mallopt),
        place_of(run, "1 MiB taken"), again_from(run)));
  }
  return said;
}

}  // namespace

Experiment brk_or_mmap() {
  Experiment e;
  e.name = "brk-or-mmap";
  e.summary =
      "which request is served from the heap, which from elsewhere, and what moves the border";
  e.program = "brk_or_mmap";
  e.steps = {"start", "1 MiB taken", "freed", "1 MiB again", "freed again", "threshold set"};
  const std::vector<Section> ways = {
      {"where from", place_cell}, {"calls of malloc", malloc_cell}, {"calls of free", free_cell}};
  e.tables = {{k_requests, "asked", "bytes", ways},
              {k_after_mallopt, "asked", "bytes, after mallopt", ways},
              {k_places, "step", "1 MiB, again and again", {{"where from", place_cell}}}};
  e.sections = {k_calls_section, k_heap_section, k_anonymous_section};
  e.findings = {{"1 MiB, once freed, comes again from",
                 [](const Run& run) { return place_of(run, "1 MiB again"); }},
                {"mapped from, bytes", [](const Run& run) { return mapped_from(run, k_requests); }},
                {"mapped after mallopt from, bytes",
                 [](const Run& run) { return mapped_from(run, k_after_mallopt); }}};
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
