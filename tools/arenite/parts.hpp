// The parts of the lab: in which order one visits its experiments, wherever they are listed.
#pragma once

#include <string>
#include <vector>

#include "drawn.hpp"
#include "experiment.hpp"

namespace arenite::command {

struct Part {
  std::string title;    // "Start here"
  std::string chinese;  // the same
  std::vector<std::string> names;
};

// Every experiment, measured or drawn, is in one of them.
const std::vector<Part>& lab_parts();

// The experiment of that name; null where there is none, or it is of the other kind.
const Experiment* measured_named(const std::string& name);
const DrawnExperiment* drawn_named(const std::string& name);

}  // namespace arenite::command
