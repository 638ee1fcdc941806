// Parsing, running, showing. See lab.hpp.
//
// The table and the conclusion go to standard output, progress to standard error. The settings of
// the user's environment that could matter are named above the table, or the figures could not be
// understood later.

#include "lab.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "figures.hpp"
#include "parts.hpp"
#include "presentation.hpp"
#include "runner.hpp"
#include "surroundings.hpp"

namespace arenite::command {
namespace {

Json run_json(const Run& run) {
  Json out;
  out["allocator"] = run.allocator.name;
  out["variant"] = run.variant;
  out["library"] = run.allocator.library.empty() ? Json(nullptr) : Json(run.allocator.library);
  out["environment"] = run.allocator.environment;
  out["steps"] = Json::array();
  for (const Step& step : run.steps) out["steps"].push_back(step.figures());
  out["rows"] = Json::object();
  for (const Rows& table : run.tables) {
    Json& rows = out["rows"][table.table] = Json::array();
    for (const Step& row : table.rows) rows.push_back(row.figures());
  }
  return out;
}

void print_text(const Experiment& experiment, const Outcome& outcome,
                const std::vector<std::string>& conclusion) {
  const Terminal terminal = standard_output();
  const Surroundings around;
  fmt::print("{}: {}\n", terminal.bold(experiment.name), summary_of(experiment));
  fmt::print("{}, glibc {}, processors: {}, page size: {}, transparent huge pages: {}\n",
             around.kernel, around.libc, around.processors, around.page_bytes, around.huge_pages);
  for (const NumberOption& option : experiment.options) {
    fmt::print("{}: {}\n", option.name, count_text(static_cast<double>(option.value)));
  }
  for (const std::string& setting : around.settings)
    fmt::print("in the environment: {}\n", setting);
  fmt::print("\n{}", presentation_text(present(experiment, outcome.runs), terminal));
  for (const LeftOut& left : outcome.left_out) {
    fmt::print("left out: {}{}{}: {}\n", left.variant, left.allocator.empty() ? "" : " ",
               left.allocator, left.why);
  }
  for (const std::string& sentence : conclusion) {
    for (const std::string& line : wrapped(sentence, terminal.width)) fmt::print("{}\n", line);
  }
}

// The answer first, for a reader who has a minute.
void print_brief(const Experiment& experiment, const Outcome& outcome,
                 const std::vector<std::string>& answer) {
  const Terminal terminal = standard_output();
  for (const std::string& sentence : answer) {
    for (const std::string& line : wrapped(sentence, terminal.width)) {
      fmt::print("{}\n", terminal.bold(line));
    }
  }
  fmt::print("\n{}", presentation_text(present(experiment, outcome.runs), terminal));
}

}  // namespace

Json to_json(const Experiment& experiment, const Outcome& outcome,
             const std::vector<std::string>& conclusion) {
  const Surroundings around;
  Json out;
  out["experiment"] = experiment.name;
  for (const NumberOption& option : experiment.options) out["options"][option.name] = option.value;
  out["machine"] = {{"kernel", around.kernel},
                    {"glibc", around.libc},
                    {"processors", around.processors},
                    {"page_bytes", around.page_bytes},
                    {"transparent_huge_pages", around.huge_pages},
                    {"environment", around.settings}};
  out["runs"] = Json::array();
  for (const Run& run : outcome.runs) out["runs"].push_back(run_json(run));
  out["left_out"] = Json::array();
  for (const LeftOut& left : outcome.left_out) {
    out["left_out"].push_back(
        {{"variant", left.variant}, {"allocator", left.allocator}, {"why", left.why}});
  }
  out["shown"] = presentation_json(present(experiment, outcome.runs));
  out["conclusion"] = conclusion;
  return out;
}

Lab::Lab(CLI::App& command, const std::string& version)
    : lab_(command.add_subcommand("lab", "experiments that show what an allocator does")),
      all_(*lab_, version) {
  lab_->set_version_flag("--version", version);
  lab_->add_flag("--json", json_, "the list, or an experiment's figures, as JSON");
  lab_->require_subcommand(0, 1);
  for (const Part& part : lab_parts()) {
    for (const std::string& name : part.names) {
      const Experiment* const measured = measured_named(name);
      CLI::App* const parser = measured != nullptr ? add(*measured, version)
                                                   : drawn_.add(*lab_, *drawn_named(name), version);
      parser->group(part.title);
    }
  }
}

CLI::App* Lab::add(const Experiment& experiment, const std::string& version) {
  Request& request = *requests_.emplace_back(std::make_unique<Request>());
  request.experiment = experiment;
  request.parser = lab_->add_subcommand(experiment.name, summary_of(experiment));
  request.parser->set_version_flag("--version", version);
  request.parser->add_flag("--json", request.json, "all figures as JSON");
  if (experiment.answer != nullptr) {
    request.parser->add_flag("--brief", request.brief,
                             "the answer first, of a small run of glibc and arenite only");
  }
  request.parser
      ->add_option("--allocators", request.allocators,
                   fmt::format("which to compare, separated by commas: {}, a path, or all",
                               known_allocator_names()))
      ->delimiter(',')
      ->type_name("NAMES")
      ->capture_default_str();
  request.parser->add_option("--library", request.library, "the libarenite.so to use")
      ->type_name("PATH");
  for (NumberOption& option : request.experiment.options) {
    request.parser->add_option("--" + option.name, option.value, option.help)
        ->check(CLI::Range(option.minimum, option.maximum))
        ->type_name("N")
        ->capture_default_str();
  }
  return request.parser;
}

int Lab::list() const {
  size_t width = 0;
  for (const Part& part : lab_parts()) {
    for (const std::string& name : part.names) width = std::max(width, name.size());
  }
  Json out = Json::array();
  const Terminal terminal = standard_output();
  const char* before = "";
  for (const Part& part : lab_parts()) {
    if (!json_) fmt::print("{}{}\n", before, terminal.bold(part.title));
    before = "\n";
    for (const std::string& name : part.names) {
      const Experiment* const measured = measured_named(name);
      const std::string summary =
          measured != nullptr ? summary_of(*measured) : drawn_named(name)->summary;
      out.push_back({{"name", name},
                     {"summary", summary},
                     {"kind", measured != nullptr ? "measured" : "drawn"},
                     {"part", part.title}});
      if (!json_) fmt::print("{:<{}}  {}\n", name, width, summary);
    }
  }
  if (json_) fmt::print("{}\n", out.dump(2));
  return 0;
}

Lab::Request Lab::in_brief(Request request) {
  request.experiment = brief_of(request.experiment);
  for (NumberOption& option : request.experiment.options) {
    if (option.brief != 0 && request.parser->count("--" + option.name) == 0) {
      option.value = option.brief;
    }
  }
  if (request.parser->count("--allocators") == 0) request.allocators = {"glibc", "arenite"};
  return request;
}

int Lab::perform(const Request& asked) const {
  const Request request = asked.brief ? in_brief(asked) : asked;
  const Experiment& experiment = request.experiment;
  const std::vector<Allocator> allocators = find_allocators(request.allocators, request.library);
  const Outcome outcome = run_experiment(experiment, allocators);
  const std::vector<std::string> conclusion = experiment.conclude(outcome.runs, experiment.options);
  if (request.json || json_) {
    fmt::print("{}\n", to_json(experiment, outcome, conclusion).dump(2));
  } else if (request.brief) {
    print_brief(experiment, outcome, conclusion);
  } else {
    print_text(experiment, outcome, conclusion);
  }
  return 0;
}

int Lab::run() const {
  for (const std::unique_ptr<Request>& request : requests_) {
    if (request->parser->parsed()) return perform(*request);
  }
  if (all_.is_asked_for()) return all_.run(json_);
  return drawn_.is_asked_for() ? drawn_.run(json_) : list();
}

}  // namespace arenite::command
