// Experiment thread-arena: what a thread's stack, its first request, and all further ones reserve.

#include <fmt/format.h>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr double k_kib = 1024;

std::string data_kib_cell(const Step& step) {
  return count_text(step.number("data_bytes") / k_kib);
}

// "64.0 MiB of addresses, 132 KiB of them accessible", "nothing": what a step added.
std::string reserved(const Run& run, const char* step, const char* before) {
  const auto added = [&](const char* figure) {
    return run.step(step).number(figure) - run.step(before).number(figure);
  };
  const double addresses = added("virtual_bytes");
  const std::string accessible = count_text(added("data_bytes") / k_kib);
  if (addresses != 0) {
    return fmt::format("{} MiB of addresses ({} KiB accessible)", mib_text(addresses), accessible);
  }
  return accessible == "0" ? "nothing" : fmt::format("{} KiB of what was reserved", accessible);
}

std::vector<std::string> conclude(const std::vector<Run>& runs, const std::vector<NumberOption>&) {
  std::vector<std::string> said;
  for (const Run& run : runs) {
    said.push_back(fmt::format(
        "{}{}: creating a thread took {}, its first request {}, its second {}, 1,000 more {}; the "
        "third thread's first request took {}.",
        run.allocator.name, run.variant.empty() ? "" : ", 32-bit",
        reserved(run, "thread 1 created", "main asks"), reserved(run, "1 asks", "thread 1 created"),
        reserved(run, "1 asks again", "1 asks"),
        reserved(run, "1 asks 1,000 times", "1 asks again"),
        reserved(run, "3 asks", "thread 3 created")));
  }
  return said;
}

}  // namespace

Experiment thread_arena() {
  Experiment e;
  e.name = "thread-arena";
  e.summary =
      "what creating a thread reserves, what its first request does, and what all others do";
  e.program = "thread_arena";
  e.steps = {"start",
             "main asks",
             "thread 1 created",
             "1 asks",
             "1 asks again",
             "1 asks 1,000 times",
             "thread 2 created",
             "2 asks",
             "2 asks again",
             "2 asks 1,000 times",
             "1 frees all",
             "1 and 2 ended",
             "thread 3 created",
             "3 asks"};
  e.sections = {k_virtual_section,
                {"writable, VmData, KiB", data_kib_cell},
                k_calls_section,
                k_resident_section};
  e.plot_title = "addresses (VmSize), MiB";
  e.plot_figure = "virtual_bytes";
  e.variants = {{.name = "m32", .title = "as a 32-bit program", .is_32_bit = true}};
  e.findings = {
      {"a thread's first request reserves",
       [](const Run& run) { return reserved(run, "1 asks", "thread 1 created"); }},
      {"creating the thread",
       [](const Run& run) { return reserved(run, "thread 1 created", "main asks"); }},
      {"1,000 more requests",
       [](const Run& run) { return reserved(run, "1 asks 1,000 times", "1 asks again"); }},
      {"the third thread's first",
       [](const Run& run) { return reserved(run, "3 asks", "thread 3 created"); }}};
  e.deciding_step = "1 asks";
  e.conclude = conclude;
  return e;
}

}  // namespace arenite::command
