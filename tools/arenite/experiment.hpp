// What an experiment of the lab is, to the command: a program to run, and how to show what it says.
//
// The program (in lab/) does the work and prints a line of JSON for each step; it knows nothing of
// allocators or tables. The command runs it once under each allocator and shows all runs side by
// side; it knows nothing of what the program does. This description is all that lies between, so
// adding an experiment is: a program, a page, and one of these in experiments.cpp.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "allocators.hpp"

namespace arenite::command {

using Json = nlohmann::ordered_json;  // keeps the order in which figures were given

// One line of the program's output.
struct Step {
  std::string name;
  Json figures;

  // The figure by this name. Throws Failure where the program did not give it.
  double number(const std::string& figure) const;
};

// What one allocator made of it.
struct Run {
  Allocator allocator;
  std::vector<Step> steps;

  const Step& step(const std::string& name) const;
};

// A heading of the table: one figure, or a few that belong together, for each step and allocator.
struct Section {
  std::string title;
  std::string (*cell)(const Step&);
};

// A number that the program takes as --name.
struct NumberOption {
  std::string name;
  std::string help;
  uint64_t value;
  uint64_t minimum;
  uint64_t maximum;
};

struct Experiment {
  std::string name;     // as in `arenite lab NAME`; its page is lab/NAME.md
  std::string summary;  // one line
  std::string program;  // in lab/
  std::vector<NumberOption> options;
  std::vector<std::string> steps;  // in the order in which the program prints them
  std::vector<Section> sections;
  std::string plot_title;
  std::string plot_figure;  // drawn for each step, in MiB
  // What was gained, in whole sentences reckoned from the figures.
  std::vector<std::string> (*conclude)(const std::vector<Run>& runs,
                                       const std::vector<NumberOption>& options);
};

// All experiments, in the order in which they are listed.
const std::vector<Experiment>& all_experiments();

}  // namespace arenite::command
