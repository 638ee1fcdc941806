// The door to the experiments: what each file beside this one includes, and all that it needs.
//
//   experiments.def   the list
//   NAME.cpp          one experiment each: its description and its conclusion
//   cells             figures that every program prints, as cells and sections of a table
//   compare           who is compared with whom, and what counts as a difference
#pragma once

#include "cells.hpp"
#include "compare.hpp"
#include "experiment.hpp"
#include "figures.hpp"

namespace arenite::command {

#define EXPERIMENT(name) Experiment name();
#include "experiments.def"

}  // namespace arenite::command
