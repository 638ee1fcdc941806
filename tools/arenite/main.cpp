// The command `arenite`: run a program under the library, see its settings, visit the lab.
//
//   main.cpp       this: one parser, its subcommands, one place for errors
//   help           help and version as words; what was probably meant by an unknown one (spelling)
//   run            become a program with the library preloaded (reach: can it be? preload: can the
//                  library?)
//   completion     the same parser as a script, for a shell
//   inside/        what is in a running process or a core file: ps, explain, pins, leaks, why
//                  (target: process and core; image: a copy of it; library, objects: what is in it;
//                  census: its pages; heap, roots, graph: its blocks, and what points to them);
//                  of all processes, again and again: top (screen: the terminal), exporter
//                  (metrics: as text; serve: by HTTP), both by sweep
//   settings       what the library reads in this environment (setting_text: the table as words)
//   lab            experiments, side by side (experiment, experiments/: what there is; allocators:
//                  under what; runner, child, tracer: running one; presentation, table, plot,
//                  curves, figures, terminal, progress: showing it); or drawn, step by step
//                  (drawn: what there is; drawings: reading one; drawing_text: showing it);
//                  lab_all: all of them, as a site, too (report: that)
//   places         where the library and the lab's programs are
//
// Exit status: 0; 2 for bad usage; 1 for other failures; with `run` the program's own (see
// run.hpp).

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "completion.hpp"
#include "errors.hpp"
#include "help.hpp"
#include "inside/look.hpp"
#include "inside/watch.hpp"
#include "lab.hpp"
#include "run.hpp"
#include "settings.hpp"

namespace {

using namespace arenite::command;
namespace inside = arenite::inside;

int complain(const std::string& message, int status) {
  if (!message.empty()) fmt::print(stderr, "arenite: {}\n", message);
  return status;
}

int arenite_main(std::vector<std::string> words) {
  const std::string version = "arenite " ARENITE_VERSION;
  CLI::App command(
      "A drop-in malloc for Linux: run programs under it, look inside them, visit its lab.",
      "arenite");
  command.set_version_flag("--version", version);
  command.require_subcommand(0, 1);
  RunCommand run(command, version);
  const SettingsCommand settings(command, version);
  const std::unique_ptr<inside::InsideCommand> insides[] = {
      inside::make_ps(command, version), inside::make_explain(command, version),
      inside::make_pins(command, version), inside::make_leaks(command, version),
      inside::make_why(command, version)};
  const inside::TopCommand top(command, version);
  const inside::ExporterCommand exporter(command, version);
  const Lab lab(command, version);
  const CompletionCommand completion(command, version);
  add_help(command);

  words = as_options(command, words);
  if (!words.empty() && words.front() == "run") {
    words.erase(words.begin());
    words = run.take_program(words);
    words.insert(words.begin(), "run");
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    command.parse(words);
  } catch (const CLI::Success& help_or_version) {
    return command.exit(help_or_version);
  } catch (const CLI::ExtrasError& error) {
    return complain(fmt::format("{} (try --help)", what_is_unknown(command, error)),
                    k_status_usage);
  } catch (const CLI::ParseError& error) {
    return complain(fmt::format("{} (try --help)", error.what()), k_status_usage);
  }
  if (run.is_asked_for()) return run.run();
  if (settings.is_asked_for()) return settings.run();
  for (const auto& look : insides) {
    if (look->is_asked_for()) return look->run();
  }
  if (top.is_asked_for()) return top.run();
  if (exporter.is_asked_for()) return exporter.run();
  if (lab.is_asked_for()) return lab.run();
  if (completion.is_asked_for()) return completion.run();
  throw UsageError(
      "run, settings, ps, explain, pins, leaks, why, top, exporter, lab or completion? (try "
      "--help)");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int status = arenite_main({argv + std::min(argc, 1), argv + argc});
    if (std::fflush(stdout) == 0) return status;
    return complain("cannot write to standard output", k_status_failure);
  } catch (const UsageError& error) {
    return complain(error.what(), k_status_usage);
  } catch (const Failure& failure) {
    return complain(failure.what(), failure.status);
  } catch (const std::exception& error) {
    return complain(error.what(), k_status_failure);
  }
}
