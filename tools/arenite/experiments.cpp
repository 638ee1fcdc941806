// The list of experiments, and what each makes of its figures. See experiment.hpp.
//
// A conclusion compares two runs: arenite's (the default mode, where it was run) with glibc's (else
// with the first). It says what was gained only where the difference is beyond what one run can
// tell: 5 % of a time, and that on a machine with nothing else to do; of memory 1 MiB or 2 %,
// whichever is more.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "experiment.hpp"
#include "figures.hpp"

namespace arenite::command {
namespace {

constexpr double k_time_tolerance = 0.05;
constexpr double k_memory_tolerance = 0.02;
constexpr double k_shortest_comparable_seconds = 0.5;
constexpr double k_busy = 1.1;  // the clock runs so much ahead of the processor when others have it

const Run* run_of(const std::vector<Run>& runs, const std::string& allocator) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const Run& run) { return run.allocator.name == allocator; });
  return found == runs.end() ? nullptr : &*found;
}

// Who is compared with whom: `subject` is null where there is only one run.
struct Pair {
  const Run* base;
  const Run* subject;
};

Pair pair_of(const std::vector<Run>& runs) {
  const Run* base = run_of(runs, "glibc");
  if (base == nullptr) base = &runs.front();
  for (const char* name : {"arenite", "arenite-classic"}) {
    const Run* const subject = run_of(runs, name);
    if (subject != nullptr && subject != base) return {base, subject};
  }
  return {base, &runs.back() == base ? nullptr : &runs.back()};
}

struct Time {
  double seconds = 0;
  double cpu_seconds = 0;
};

std::string times_compared(Time subject, Time base) {
  if (std::max(subject.cpu_seconds, base.cpu_seconds) < k_shortest_comparable_seconds) {
    return "too short to compare";
  }
  for (const Time& time : {subject, base}) {
    if (time.seconds > k_busy * time.cpu_seconds) return "no comparison: the machine was busy";
  }
  return compared(subject.cpu_seconds, base.cpu_seconds, k_time_tolerance);
}

// Cells of figures that every program of the lab prints.
std::string time_cell(const Step& step) {
  const double s = step.number("seconds");
  return s > 0 ? fmt::format("{} / {}", seconds_text(s), seconds_text(step.number("cpu_seconds")))
               : "-";
}
std::string faults_cell(const Step& step) {
  return step.number("seconds") > 0 ? count_text(step.number("minor_faults")) : "-";
}
std::string resident_cell(const Step& step) {
  return mib_text(step.number("resident_bytes"));
}
std::string virtual_cell(const Step& step) {
  return mib_text(step.number("virtual_bytes"));
}
std::string heap_cell(const Step& step) {
  return fmt::format("{} / {}", mib_text(step.number("heap_bytes")),
                     mib_text(step.number("heap_resident_bytes")));
}
std::string anonymous_cell(const Step& step) {
  return fmt::format("{}: {} / {}", count_text(step.number("anonymous_maps")),
                     mib_text(step.number("anonymous_bytes")),
                     mib_text(step.number("anonymous_resident_bytes")));
}

// map-clear

struct MapClearFigures {
  double taken;  // resident bytes that filling added, wherever the allocator got them
  double kept;   // what of them was still there at the end
  Time time;
  double bytes_an_entry;

  MapClearFigures(const Run& run, double entries) {
    // From smaps, not VmRSS: exact, and without the pages of the program and its libraries.
    const auto resident = [&](const char* name) {
      const Step& step = run.step(name);
      return step.number("heap_resident_bytes") + step.number("anonymous_resident_bytes");
    };
    taken = std::max(0.0, resident("filled") - resident("start"));
    kept = std::max(0.0, resident("one second later") - resident("start"));
    for (const char* step : {"filled", "looked up", "cleared"}) {
      time.seconds += run.step(step).number("seconds");
      time.cpu_seconds += run.step(step).number("cpu_seconds");
    }
    bytes_an_entry = taken / entries;
  }
};

std::vector<std::string> conclude_map_clear(const std::vector<Run>& runs,
                                            const std::vector<NumberOption>& options) {
  const auto entries = static_cast<double>(options.front().value);
  const Pair pair = pair_of(runs);
  const std::string& base_name = pair.base->allocator.name;
  const MapClearFigures base(*pair.base, entries);
  if (pair.subject == nullptr) {
    return {
        fmt::format("One second after clear(), {} still keeps {} of the {} MiB that filling took.",
                    base_name, mib_text(base.kept), mib_text(base.taken)),
        "Run it under a second allocator to see what is to be gained."};
  }
  const std::string& name = pair.subject->allocator.name;
  const MapClearFigures subject(*pair.subject, entries);
  const double gained = base.kept - subject.kept;
  std::string verdict = "nothing was gained";
  if (std::abs(gained) > std::max(k_mib, k_memory_tolerance * base.taken)) {
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

Experiment map_clear() {
  Experiment e;
  e.name = "map-clear";
  e.summary = "a std::map of 5,000,000 keys is filled, read and cleared: does its memory go back?";
  e.program = "map_clear";
  e.options = {{"entries", "how many entries the map gets", 5'000'000, 1, 1'000'000'000}};
  e.steps = {"start", "filled", "looked up", "cleared", "one second later"};
  e.sections = {
      {"time: clock / processor, s", time_cell},
      {"minor page faults", faults_cell},
      {"resident, VmRSS, MiB", resident_cell},
      {"virtual, VmSize, MiB", virtual_cell},
      {"[heap]: size / resident, MiB", heap_cell},
      {"anonymous maps: size / resident, MiB", anonymous_cell},
  };
  e.plot_title = "resident memory (VmRSS), MiB";
  e.plot_figure = "resident_bytes";
  e.conclude = conclude_map_clear;
  return e;
}

}  // namespace

double Step::number(const std::string& figure) const {
  const auto found = figures.find(figure);
  if (found == figures.end() || !found->is_number()) {
    throw Failure(fmt::format("the step '{}' came without its figure '{}'", name, figure));
  }
  return found->get<double>();
}

const Step& Run::step(const std::string& name) const {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return s.name == name; });
  if (found == steps.end()) throw Failure(fmt::format("there was no step '{}'", name));
  return *found;
}

const std::vector<Experiment>& all_experiments() {
  static const std::vector<Experiment> experiments = {map_clear()};
  return experiments;
}

}  // namespace arenite::command
