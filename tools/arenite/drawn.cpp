// Running a drawn experiment and showing its frames. See drawn.hpp.

#include "drawn.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>

#include "child.hpp"
#include "drawing_text.hpp"
#include "errors.hpp"
#include "places.hpp"
#include "spelling.hpp"

namespace arenite::command {
namespace {

// Those that --drawing and --step leave; all frames of a drawing share its numbers. An only drawing
// is titled where there could be others: its title says which, and in which mode.
void print_text(const DrawnExperiment& experiment, const std::vector<Drawing>& drawings,
                const std::string& only, size_t step, const std::string& language) {
  const Terminal terminal = standard_output();
  const char* before = "";
  for (const Drawing& drawing : drawings) {
    if (!only.empty() && drawing.name != only) continue;
    if (drawings.size() > 1 || experiment.has_list) {
      fmt::print("{}{}: {}\n", before, terminal.bold(drawing.name),
                 drawing.title.at(language).get<std::string>());
      before = "\n";
    }
    for (size_t number = 1; number <= drawing.frames.size(); number++) {
      if (step != 0 && number != step) continue;
      fmt::print("{}{}", before, frame_text(drawing, number, language, terminal));
      before = "\n";
    }
  }
}

void check_choice(const std::vector<Drawing>& drawings, const std::string& only, size_t step) {
  std::vector<std::string> names;
  size_t steps = 0;
  for (const Drawing& drawing : drawings) {
    names.push_back(drawing.name);
    if (only.empty() || drawing.name == only) steps = std::max(steps, drawing.frames.size());
  }
  if (steps == 0) {
    throw UsageError(fmt::format("--drawing: no '{}'; there are {}{}", only, fmt::join(names, ", "),
                                 did_you_mean(only, names)));
  }
  if (step > steps) throw UsageError(fmt::format("--step: there are {} steps", steps));
}

}  // namespace

std::vector<Drawing> run_drawn(const DrawnExperiment& experiment, const std::string& library) {
  ChildStart start;
  start.is_traced = false;
  start.program = find_lab_program(experiment.program);
  for (const TextOption& option : experiment.options) {
    if (option.value.empty()) continue;
    start.arguments.push_back("--" + option.name);
    start.arguments.push_back(option.value);
    if (option.value == "-") start.gets_input = true;
  }
  if (experiment.wants_library) {
    start.arguments.emplace_back("--library");
    start.arguments.push_back(find_library(library).string());
  }
  start.environment = environment_without({"LD_PRELOAD"});
  DrawingReader reader(experiment.program);
  const int status = run_child(start, {[&](const std::string& line) { reader.take(line); }, [] {}});
  // Options that it does not take it has complained about itself.
  if (WIFEXITED(status) && WEXITSTATUS(status) == k_status_usage) throw Failure("", k_status_usage);
  if (status != 0) throw Failure(fmt::format("{} {}", experiment.program, describe_end(status)));
  return reader.finish();
}

Json to_json(const DrawnExperiment& experiment, const std::vector<Drawing>& drawings) {
  Json out;
  out["experiment"] = experiment.name;
  out["kind"] = "drawn";
  out["options"] = Json::object();
  for (const TextOption& option : experiment.options) {
    if (!option.value.empty()) out["options"][option.name] = option.value;
  }
  out["drawings"] = Json::array();
  for (const Drawing& drawing : drawings) out["drawings"].push_back(to_json(drawing));
  return out;
}

CLI::App* DrawnLab::add(CLI::App& lab, const DrawnExperiment& experiment,
                        const std::string& version) {
  Request& request = *requests_.emplace_back(std::make_unique<Request>());
  request.experiment = experiment;
  request.parser = lab.add_subcommand(experiment.name, experiment.summary);
  request.parser->set_version_flag("--version", version);
  request.parser->add_flag("--json", request.json, "all frames as JSON");
  request.parser->add_option("--step", request.step, "one step alone")
      ->check(CLI::Range(size_t{1}, size_t{100'000}))
      ->type_name("N");
  request.parser->add_option("--drawing", request.drawing, "one drawing of several")
      ->type_name("NAME");
  request.parser->add_option("--language", request.language, "of the sentences: en or zh")
      ->check(CLI::IsMember({"en", "zh"}))
      ->type_name("LANGUAGE")
      ->capture_default_str();
  if (experiment.has_list) {
    request.parser->add_flag("--list", request.list, "the drawings there are, by name");
  }
  if (experiment.wants_library) {
    request.parser->add_option("--library", request.library, "the libarenite.so to use")
        ->type_name("PATH");
  }
  for (TextOption& option : request.experiment.options) {
    request.parser->add_option("--" + option.name, option.value, option.help)
        ->type_name(option.type_name);
  }
  return request.parser;
}

bool DrawnLab::is_asked_for() const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [](const auto& request) { return request->parser->parsed(); });
}

int DrawnLab::run(bool json) const {
  const auto asked = std::find_if(requests_.begin(), requests_.end(),
                                  [](const auto& request) { return request->parser->parsed(); });
  return asked == requests_.end() ? k_status_usage : perform(**asked, json || (*asked)->json);
}

int DrawnLab::list(const DrawnExperiment& experiment, bool json) {
  ChildStart start;
  start.is_traced = false;
  start.program = find_lab_program(experiment.program);
  start.arguments = {"--list"};
  start.environment = environment_without({"LD_PRELOAD"});
  std::vector<std::string> lines;
  const int status =
      run_child(start, {[&](const std::string& line) { lines.push_back(line); }, [] {}});
  if (status != 0) throw Failure(fmt::format("{} {}", experiment.program, describe_end(status)));
  Json names = Json::array();
  for (const std::string& line : lines) {
    const size_t gap = line.find("  ");
    names.push_back(
        {{"name", line.substr(0, gap)},
         {"title", line.substr(std::min(line.find_first_not_of(' ', gap), line.size()))}});
    if (!json) fmt::print("{}\n", line);
  }
  if (json) fmt::print("{}\n", names.dump(2));
  return 0;
}

int DrawnLab::perform(const Request& request, bool json) {
  if (request.list) return list(request.experiment, json);
  const std::vector<Drawing> drawings = run_drawn(request.experiment, request.library);
  check_choice(drawings, request.drawing, request.step);
  if (json) {
    fmt::print("{}\n", to_json(request.experiment, drawings).dump(1));
  } else {
    print_text(request.experiment, drawings, request.drawing, request.step, request.language);
  }
  return 0;
}

}  // namespace arenite::command
