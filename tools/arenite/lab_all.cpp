// See lab_all.hpp.

#include "lab_all.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "busyness.hpp"
#include "drawn.hpp"
#include "errors.hpp"
#include "figures.hpp"
#include "lab.hpp"
#include "parts.hpp"
#include "runner.hpp"
#include "terminal.hpp"

namespace arenite::command {
namespace {

// "[3/18, 1:05] lazy"
class Tour {
 public:
  explicit Tour(size_t stages) : stages_(stages) {}

  void begin(const std::string& name) {
    stage_++;
    name_ = name;
    if (isatty(STDERR_FILENO) == 0) fmt::print(stderr, "{}\n", text());
  }
  std::string text() const {
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_);
    return fmt::format("[{}/{}, {}:{:02}] {}", stage_, stages_, elapsed.count() / 60,
                       elapsed.count() % 60, name_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  size_t stages_;
  size_t stage_ = 0;
  std::string name_;
  Clock::time_point began_ = Clock::now();
};

void perform_measured(Experiment experiment, const std::vector<Allocator>& allocators,
                      bool is_quick, Chapter& chapter, const std::function<std::string()>& prefix) {
  if (is_quick) {
    for (NumberOption& option : experiment.options) {
      if (option.quick != 0) option.value = option.quick;
    }
  }
  const Experiment& usual = *measured_named(experiment.name);
  for (size_t i = 0; i < experiment.options.size(); i++) {
    const NumberOption& here = experiment.options[i];
    if (here.value == usual.options[i].value) continue;
    chapter.other_sizes.push_back({here.name,
                                   count_text(static_cast<double>(usual.options[i].value)),
                                   count_text(static_cast<double>(here.value))});
  }
  chapter.summary = summary_of(experiment);
  const Outcome outcome = run_experiment(experiment, allocators, prefix);
  chapter.conclusion = experiment.conclude(outcome.runs, experiment.options);
  chapter.shown = present(experiment, outcome.runs);
  chapter.figures = to_json(experiment, outcome, chapter.conclusion);
}

void print_summary(const Chapter& chapter, const Terminal& terminal) {
  fmt::print("{}: {}\n", terminal.bold(chapter.name), chapter.summary);
  std::vector<std::string> told = chapter.conclusion;
  if (!chapter.error.empty()) told = {"failed: " + chapter.error};
  for (const std::string& sentence : told) {
    for (const std::string& line : wrapped(sentence, terminal.width - 2)) {
      fmt::print("  {}\n", line);
    }
  }
  fmt::print("\n");
  std::fflush(stdout);
}

Json to_json(const std::vector<Chapter>& chapters) {
  Json experiments = Json::array();
  for (const Chapter& chapter : chapters) {
    experiments.push_back(chapter.error.empty()
                              ? chapter.figures
                              : Json{{"experiment", chapter.name}, {"error", chapter.error}});
  }
  return {{"experiments", experiments}};
}

}  // namespace

LabAll::LabAll(CLI::App& lab, const std::string& version)
    : parser_(lab.add_subcommand("all", "all of them, one after the other")) {
  parser_->set_version_flag("--version", version);
  parser_->add_flag("--json", json_, "all figures as JSON");
  parser_->add_option("--report", report_, "write a site of static pages into this directory")
      ->type_name("DIR");
  parser_->add_flag("--quick", is_quick_, "smaller numbers, to see that all of it works");
  parser_
      ->add_option("--allocators", allocators_,
                   fmt::format("which to compare, separated by commas: {}, a path, or all",
                               known_allocator_names()))
      ->delimiter(',')
      ->type_name("NAMES")
      ->capture_default_str();
  parser_->add_option("--library", library_, "the libarenite.so to use")->type_name("PATH");
}

std::vector<LabAll::Stage> LabAll::stages() const {
  std::vector<Stage> stages;
  const std::vector<Allocator> allocators = find_allocators(allocators_, library_);
  for (const Part& part : lab_parts()) {
    for (const std::string& name : part.names) {
      if (const Experiment* const measured = measured_named(name)) {
        stages.push_back({name, summary_of(*measured),
                          [measured, allocators, this](Chapter& chapter, const auto& prefix) {
                            perform_measured(*measured, allocators, is_quick_, chapter, prefix);
                          }});
        continue;
      }
      const DrawnExperiment* const drawn = drawn_named(name);
      stages.push_back({name, drawn->summary, [drawn, this](Chapter& chapter, const auto&) {
                          chapter.figures = to_json(*drawn, run_drawn(*drawn, library_));
                        }});
    }
  }
  return stages;
}

int LabAll::run(bool json) const {
  json = json || json_;
  const std::vector<Stage> stages = this->stages();
  if (!report_.empty()) prepare_report(report_);
  const Terminal terminal = standard_output();
  Tour tour(stages.size());
  std::vector<Chapter> chapters;
  std::string failed;
  for (const Stage& stage : stages) {
    Chapter& chapter = chapters.emplace_back(Chapter{stage.name, stage.summary});
    tour.begin(stage.name);
    const Busyness busyness;
    try {
      stage.perform(chapter, [&] { return tour.text(); });
    } catch (const std::exception& error) {
      chapter = {stage.name, stage.summary};
      chapter.error = error.what();
      failed += (failed.empty() ? "" : ", ") + stage.name;
    }
    // What is drawn has no times; how busy the machine was is nothing to it.
    chapter.circumstances = {is_quick_, chapter.conclusion.empty() ? 0 : busyness.others()};
    if (!json) print_summary(chapter, terminal);
  }
  if (json) fmt::print("{}\n", to_json(chapters).dump(2));
  if (!report_.empty()) {
    write_report(report_, chapters);
    if (!json) fmt::print("{}\n", (std::filesystem::path(report_) / "index.html").string());
  }
  if (!failed.empty()) throw Failure("these experiments failed: " + failed);
  return 0;
}

}  // namespace arenite::command
