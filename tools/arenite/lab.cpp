// Running an experiment: parse, run under each allocator, show. See lab.hpp.
//
// The table and the conclusion go to standard output, progress to standard error. Every child gets
// the user's environment, so that a glibc tunable or a setting of arenite's can be tried out; those
// that could matter are named above the table, or the figures could not be understood later.

#include "lab.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "child.hpp"
#include "errors.hpp"
#include "figures.hpp"
#include "places.hpp"
#include "plot.hpp"
#include "progress.hpp"
#include "table.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

// That the dynamic linker did as it was told: it only warns where it could not preload.
void check_library(const Allocator& allocator, const Step& first) {
  if (allocator.library.empty()) return;
  const std::string used = first.figures.value("malloc_library", "");
  std::error_code error;
  if (!used.empty() && fs::equivalent(used, allocator.library, error) && !error) return;
  throw Failure(fmt::format("{} could not be preloaded from {}: malloc came from {}",
                            allocator.name, allocator.library,
                            used.empty() ? "an unknown place" : used));
}

Step parse_step(const Experiment& experiment, const std::string& line, size_t index) {
  const Json figures = Json::parse(line, nullptr, false);
  if (!figures.is_object() || index >= experiment.steps.size() ||
      figures.value("step", "") != experiment.steps[index]) {
    throw Failure(
        fmt::format("{} printed what is not its step {}: {}", experiment.program, index + 1, line));
  }
  return {experiment.steps[index], figures};
}

Run run_under(const Experiment& experiment, const Allocator& allocator, Progress& progress) {
  ChildStart start;
  start.program = find_lab_program(experiment.program);
  for (const NumberOption& option : experiment.options) {
    start.arguments.push_back("--" + option.name);
    start.arguments.push_back(std::to_string(option.value));
  }
  start.environment = environment_for(allocator);

  Run run{allocator, {}};
  ChildListener listener;
  listener.tick = [&] { progress.tick(); };
  listener.line = [&](const std::string& line) {
    run.steps.push_back(parse_step(experiment, line, run.steps.size()));
    if (run.steps.size() == 1) check_library(allocator, run.steps.front());
    progress.finish_step(run.steps.back().number("seconds"));
  };
  progress.begin_run(allocator.name);
  int status = 0;
  try {
    status = run_child(start, listener);
  } catch (...) {
    progress.end_run();
    throw;
  }
  progress.end_run();
  if (status != 0 || run.steps.size() != experiment.steps.size()) {
    throw Failure(fmt::format("{} under {} {} after {} of {} steps", experiment.program,
                              allocator.name, describe_end(status), run.steps.size(),
                              experiment.steps.size()));
  }
  return run;
}

// What the figures depend on besides the allocator.
struct Surroundings {
  std::string kernel;
  std::string libc = gnu_get_libc_version();
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  long page_bytes = sysconf(_SC_PAGESIZE);
  std::string huge_pages = "unknown";
  std::vector<std::string> settings;  // NAME=VALUE of the environment that allocators read

  Surroundings() {
    utsname names{};
    if (uname(&names) == 0) kernel = fmt::format("{} {}", names.sysname, names.release);
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string text;
    std::getline(file, text);
    const size_t from = text.find('[');
    const size_t to = text.find(']');
    if (from < to && to != std::string::npos) huge_pages = text.substr(from + 1, to - from - 1);
    for (char** entry = environ; *entry != nullptr; entry++) {
      const std::string setting = *entry;
      for (const char* prefix :
           {"GLIBC_TUNABLES=", "MALLOC_", "ARENITE_", "MIMALLOC_", "TCMALLOC_"}) {
        if (setting.starts_with(prefix)) settings.push_back(setting);
      }
    }
  }
};

void print_json(const Experiment& experiment, const std::vector<Run>& runs,
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
  for (const Run& run : runs) {
    Json steps = Json::array();
    for (const Step& step : run.steps) steps.push_back(step.figures);
    const Json library =
        run.allocator.library.empty() ? Json(nullptr) : Json(run.allocator.library);
    out["runs"].push_back({{"allocator", run.allocator.name},
                           {"library", library},
                           {"environment", run.allocator.environment},
                           {"steps", steps}});
  }
  out["conclusion"] = conclusion;
  fmt::print("{}\n", out.dump(2));
}

std::string table_text(const Experiment& experiment, const std::vector<Run>& runs,
                       const Terminal& terminal) {
  std::vector<std::string> header = {""};
  for (const Run& run : runs) header.push_back(run.allocator.name);
  Table table(header);
  for (const Section& section : experiment.sections) {
    table.heading(section.title);
    for (const std::string& step : experiment.steps) {
      std::vector<std::string> cells = {step};
      for (const Run& run : runs) cells.push_back(section.cell(run.step(step)));
      table.row(cells);
    }
  }
  return table.text(terminal);
}

std::string plot_text(const Experiment& experiment, const std::vector<Run>& runs,
                      const Terminal& terminal) {
  std::vector<Bar> bars;
  for (const std::string& step : experiment.steps) {
    for (size_t i = 0; i < runs.size(); i++) {
      const double bytes = runs[i].step(step).number(experiment.plot_figure);
      bars.push_back({step, runs[i].allocator.name, bytes / k_mib, mib_text(bytes), i});
    }
  }
  return bar_plot(experiment.plot_title, bars, terminal);
}

void print_text(const Experiment& experiment, const std::vector<Run>& runs,
                const std::vector<std::string>& conclusion) {
  const Terminal terminal = standard_output();
  const Surroundings around;
  fmt::print("{}: {}\n", terminal.bold(experiment.name), experiment.summary);
  fmt::print("{}, glibc {}, processors: {}, page size: {}, transparent huge pages: {}\n",
             around.kernel, around.libc, around.processors, around.page_bytes, around.huge_pages);
  for (const NumberOption& option : experiment.options) {
    fmt::print("{}: {}\n", option.name, count_text(static_cast<double>(option.value)));
  }
  for (const std::string& setting : around.settings)
    fmt::print("in the environment: {}\n", setting);
  fmt::print("\n{}\n{}\n", table_text(experiment, runs, terminal),
             plot_text(experiment, runs, terminal));
  for (const std::string& sentence : conclusion) {
    for (const std::string& line : wrapped(sentence, terminal.width)) fmt::print("{}\n", line);
  }
}

}  // namespace

Lab::Lab(CLI::App& command, const std::string& version)
    : lab_(command.add_subcommand("lab", "experiments that show what an allocator does")),
      drawn_(*lab_, version) {
  lab_->set_version_flag("--version", version);
  lab_->add_flag("--json", json_, "the list as JSON");
  lab_->require_subcommand(0, 1);
  for (const Experiment& experiment : all_experiments()) add(experiment, version);
}

void Lab::add(const Experiment& experiment, const std::string& version) {
  Request& request = *requests_.emplace_back(std::make_unique<Request>());
  request.experiment = experiment;
  request.parser = lab_->add_subcommand(experiment.name, experiment.summary);
  request.parser->set_version_flag("--version", version);
  request.parser->add_flag("--json", request.json, "all figures as JSON");
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
}

int Lab::list() const {
  if (json_) {
    Json out = Json::array();
    for (const Experiment& experiment : all_experiments()) {
      out.push_back({{"name", experiment.name}, {"summary", experiment.summary}});
    }
    for (const DrawnExperiment& experiment : drawn_experiments()) {
      out.push_back({{"name", experiment.name}, {"summary", experiment.summary}});
    }
    fmt::print("{}\n", out.dump(2));
    return 0;
  }
  size_t width = 0;
  for (const Experiment& e : all_experiments()) width = std::max(width, e.name.size());
  for (const DrawnExperiment& e : drawn_experiments()) width = std::max(width, e.name.size());
  for (const Experiment& e : all_experiments())
    fmt::print("{:<{}}  {}\n", e.name, width, e.summary);
  for (const DrawnExperiment& e : drawn_experiments())
    fmt::print("{:<{}}  {}\n", e.name, width, e.summary);
  return 0;
}

int Lab::perform(const Request& request) {
  const Experiment& experiment = request.experiment;
  const std::vector<Allocator> allocators = find_allocators(request.allocators, request.library);
  Progress progress(allocators.size(), experiment.steps);
  std::vector<Run> runs;
  for (const Allocator& allocator : allocators) {
    runs.push_back(run_under(experiment, allocator, progress));
  }
  const std::vector<std::string> conclusion = experiment.conclude(runs, experiment.options);
  request.json ? print_json(experiment, runs, conclusion)
               : print_text(experiment, runs, conclusion);
  return 0;
}

int Lab::run() const {
  for (const std::unique_ptr<Request>& request : requests_) {
    if (request->parser->parsed()) return perform(*request);
  }
  return drawn_.is_asked_for() ? drawn_.run() : list();
}

}  // namespace arenite::command
