// See runner.hpp.
//
// Every child gets the user's environment, so that a glibc tunable or a setting of arenite's can be
// tried out; what a variant sets stands above it.

#include "runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "child.hpp"
#include "errors.hpp"
#include "places.hpp"
#include "progress.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

// That the dynamic linker did as it was told: it only warns where it could not preload.
void check_library(const Allocator& allocator, const Step& first) {
  if (allocator.library.empty()) return;
  const std::string used = first.has("malloc_library") ? first.text("malloc_library") : "";
  std::error_code error;
  if (!used.empty() && fs::equivalent(used, allocator.library, error) && !error) return;
  throw Failure(fmt::format("{} could not be preloaded from {}: malloc came from {}",
                            allocator.name, allocator.library,
                            used.empty() ? "an unknown place" : used));
}

// One program under one allocator.
class OneRun {
 public:
  OneRun(const Experiment& experiment, const Variant& variant, const Allocator& allocator,
         Progress& progress)
      : experiment_(experiment),
        variant_(variant),
        progress_(progress),
        run_{allocator, {}, variant.name, {}} {
    for (const RowTable& table : experiment.tables) run_.tables.push_back({table.name, {}});
  }

  Run perform() {
    ChildListener listener;
    listener.tick = [&] { progress_.tick(); };
    listener.line = [&](const std::string& line) { take(line); };
    const std::string& name = run_.allocator.name;
    progress_.begin_run(variant_.name.empty() ? name : fmt::format("{}, {}", name, variant_.name));
    int status = 0;
    try {
      status = run_child(start(), listener);
    } catch (...) {
      progress_.end_run();
      throw;
    }
    progress_.end_run();
    if (status != 0 || run_.steps.size() != experiment_.steps.size()) {
      throw Failure(fmt::format("{} under {} {} after {} of {} steps", experiment_.program, name,
                                describe_end(status), run_.steps.size(), experiment_.steps.size()));
    }
    return std::move(run_);
  }

 private:
  ChildStart start() const {
    ChildStart start;
    start.program = find_lab_program(experiment_.program, variant_.is_32_bit);
    for (const NumberOption& option : experiment_.options) {
      start.arguments.push_back("--" + option.name);
      start.arguments.push_back(std::to_string(option.value));
    }
    start.arguments.insert(start.arguments.end(), variant_.arguments.begin(),
                           variant_.arguments.end());
    start.environment = environment_for(run_.allocator);
    start.is_traced = experiment_.is_traced;
    return start;
  }

  void take(const std::string& line) {
    const Json figures = Json::parse(line, nullptr, false);
    if (figures.is_object() && figures.contains("row") && take_row(figures)) return;
    const size_t index = run_.steps.size();
    if (!figures.is_object() || index >= experiment_.steps.size() ||
        figures.value("step", "") != experiment_.steps[index]) {
      throw Failure(fmt::format("{} printed what is not its step {}: {}", experiment_.program,
                                index + 1, line));
    }
    run_.steps.emplace_back(experiment_.steps[index], figures);
    if (index == 0) check_library(run_.allocator, run_.steps.front());
    progress_.finish_step(run_.steps.back().number("seconds"));
  }

  // False where no such table was announced, or the row has no key.
  bool take_row(const Json& figures) {
    for (size_t i = 0; i < experiment_.tables.size(); i++) {
      const RowTable& table = experiment_.tables[i];
      if (figures.value("row", "") != table.name || !figures.contains(table.key)) continue;
      const Json& key = figures[table.key];
      run_.tables[i].rows.emplace_back(key.is_string() ? key.get<std::string>() : key.dump(),
                                       figures);
      return true;
    }
    return false;
  }

  const Experiment& experiment_;
  const Variant& variant_;
  Progress& progress_;
  Run run_;
};

// The allocator as the variant wants it, or why there is no such.
struct Conditions {
  Allocator allocator;
  std::string why_not;
};

Conditions conditions_for(const Variant& variant, const Allocator& allocator) {
  Conditions conditions{allocator, ""};
  Allocator& mine = conditions.allocator;
  if (variant.is_32_bit && mine.is_arenite()) {
    mine.library = find_32_bit_library().string();
    if (mine.library.empty()) conditions.why_not = "there is no 32-bit libarenite.so";
  } else if (variant.is_32_bit && !mine.library.empty()) {
    conditions.why_not = "its 32-bit library is not known here";
  }
  mine.environment.insert(mine.environment.end(), variant.environment.begin(),
                          variant.environment.end());
  return conditions;
}

bool is_meant(const Variant& variant, const Allocator& allocator) {
  return variant.allocators.empty() ||
         std::find(variant.allocators.begin(), variant.allocators.end(), allocator.name) !=
             variant.allocators.end();
}

struct Planned {
  const Variant* variant;
  Allocator allocator;
};

}  // namespace

Outcome run_experiment(const Experiment& experiment, const std::vector<Allocator>& allocators,
                       const std::function<std::string()>& prefix) {
  Outcome outcome;
  std::vector<Variant> variants = experiment.variants;
  variants.insert(variants.begin(), Variant{});
  std::vector<Planned> plan;
  for (const Variant& variant : variants) {
    if (variant.is_32_bit && !has_32_bit_lab_program(experiment.program)) {
      outcome.left_out.push_back(
          {variant.name, "",
           "there was no 32-bit compiler (Debian: g++-multilib) when it was built"});
      continue;
    }
    for (const Allocator& allocator : allocators) {
      if (!is_meant(variant, allocator)) continue;
      const Conditions conditions = conditions_for(variant, allocator);
      if (conditions.why_not.empty()) {
        plan.push_back({&variant, conditions.allocator});
      } else {
        outcome.left_out.push_back({variant.name, allocator.name, conditions.why_not});
      }
    }
  }
  Progress progress(plan.size(), experiment.steps, prefix);
  for (const Planned& planned : plan) {
    outcome.runs.push_back(
        OneRun(experiment, *planned.variant, planned.allocator, progress).perform());
  }
  return outcome;
}

}  // namespace arenite::command
