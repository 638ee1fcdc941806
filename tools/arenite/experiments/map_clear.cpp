// Experiment map-clear: of what filling a map took, how much is still there a second after clear().

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments.hpp"

namespace arenite::command {
namespace {

constexpr char k_region[] = "region";

struct MapFigures {
  double taken;  // resident bytes that filling added, wherever the allocator got them
  double kept;   // what of them was still there at the end
  Time time;
  double bytes_an_entry;

  MapFigures(const Run& run, double entries) {
    const auto resident = [&](const char* name) { return own_resident_bytes(run.step(name)); };
    taken = std::max(0.0, resident("filled") - resident("start"));
    kept = std::max(0.0, resident("one second later") - resident("start"));
    for (const char* step : {"filled", "looked up", "cleared"}) time.add(run.step(step));
    bytes_an_entry = taken / entries;
  }
};

// Of all runs over a region the one that kept most: an allocator should make no difference there.
std::vector<std::string> region_conclusion(const std::vector<Run>& runs, double entries) {
  const Run* worst = nullptr;
  for (const Run& run : runs) {
    if (run.variant != k_region) continue;
    if (worst == nullptr || MapFigures(run, entries).kept > MapFigures(*worst, entries).kept) {
      worst = &run;
    }
  }
  if (worst == nullptr) return {};
  const MapFigures figures(*worst, entries);
  return {fmt::format(
      "Over a region an entry takes {:.1f} bytes under any allocator, and ending it takes {} s of "
      "the processor; {} MiB are kept at most.",
      figures.bytes_an_entry, seconds_text(worst->step("cleared").number("cpu_seconds")),
      mib_text(figures.kept))};
}

std::vector<std::string> malloc_conclusion(const std::vector<Run>& runs, double entries) {
  const Pair pair = pair_of(runs);
  const std::string& base_name = pair.base->allocator.name;
  const MapFigures base(*pair.base, entries);
  if (pair.subject == nullptr) {
    return {
        fmt::format("One second after clear(), {} still keeps {} of the {} MiB that filling took.",
                    base_name, mib_text(base.kept), mib_text(base.taken)),
        "Run it under a second allocator to see what is to be gained."};
  }
  const std::string& name = pair.subject->allocator.name;
  const MapFigures subject(*pair.subject, entries);
  const double gained = base.kept - subject.kept;
  std::string verdict = "nothing was gained";
  if (memory_differs(subject.kept, base.kept, base.taken)) {
    verdict = fmt::format("{} MiB {} went back to the kernel", mib_text(std::abs(gained)),
                          gained > 0 ? "more" : "less");
  }
  return {
      fmt::format("One second after clear(), {} still keeps {} of the {} MiB that filling took, {} "
                  "{} of {}: {}.",
                  name, mib_text(subject.kept), mib_text(subject.taken), base_name,
                  mib_text(base.kept), mib_text(base.taken), verdict),
      fmt::format("Filling, looking up and clearing took {} {} s of the processor, {} {} s ({}), "
                  "with {:.1f} "
                  "and {:.1f} bytes resident for each entry ({}).",
                  name, seconds_text(subject.time.cpu_seconds), base_name,
                  seconds_text(base.time.cpu_seconds), times_compared(subject.time, base.time),
                  subject.bytes_an_entry, base.bytes_an_entry,
                  compared(subject.bytes_an_entry, base.bytes_an_entry, k_memory_tolerance)),
  };
}

std::vector<std::string> conclude(const std::vector<Run>& runs,
                                  const std::vector<NumberOption>& options) {
  const auto entries = static_cast<double>(options.front().value);
  std::vector<std::string> said = malloc_conclusion(runs, entries);
  for (const std::string& sentence : region_conclusion(runs, entries)) said.push_back(sentence);
  return said;
}

// For the table of findings.
std::string kept_text(const Run& run) {
  return mib_text(MapFigures(run, 1).kept);
}
std::string taken_text(const Run& run) {
  return mib_text(MapFigures(run, 1).taken);
}
std::string cpu_text(const Run& run) {
  return seconds_text(MapFigures(run, 1).time.cpu_seconds);
}

// The same figures as in the conclusion, for a reader with a minute.
std::vector<std::string> answer(const std::vector<Run>& runs,
                                const std::vector<NumberOption>& options) {
  const auto entries = static_cast<double>(options.front().value);
  const Pair pair = pair_of(runs);
  const MapFigures base(*pair.base, entries);
  const std::string kept =
      fmt::format("A second after clear(), {} keeps {} of {} MiB", pair.base->allocator.name,
                  mib_text(base.kept), mib_text(base.taken));
  if (pair.subject == nullptr) return {kept + "."};
  const MapFigures subject(*pair.subject, entries);
  return {
      fmt::format("{}, {} {} of {}.", kept, pair.subject->allocator.name, mib_text(subject.kept),
                  mib_text(subject.taken)),
      fmt::format("Fill, look up, clear: {} {} s of the processor, {} {} s: {}.",
                  pair.base->allocator.name, seconds_text(base.time.cpu_seconds),
                  pair.subject->allocator.name, seconds_text(subject.time.cpu_seconds),
                  speeds_compared(subject.time, base.time)),
  };
}

}  // namespace

Experiment map_clear() {
  Experiment e;
  e.name = "map-clear";
  e.summary = "a std::map of {entries} keys is filled, read and cleared: does its memory go back?";
  e.program = "map_clear";
  e.options = {{"entries", "how many entries the map gets", 5'000'000, 1, 1'000'000'000, 100'000,
                1'000'000}};
  e.steps = {"start", "filled", "looked up", "cleared", "one second later"};
  e.sections = all_sections();
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.variants = {{.name = k_region,
                 .title = "the same map over a region that is unmapped at once",
                 .arguments = {"--region", "1"}}};
  e.findings = {{"MiB kept a second after clear()", kept_text},
                {"MiB that filling took", taken_text},
                {"s of the processor", cpu_text}};
  e.deciding_step = "one second later";
  e.conclude = conclude;
  e.answer = answer;
  e.brief_sections = {k_cpu_section, k_resident_section, k_faults_section};
  return e;
}

}  // namespace arenite::command
