// Runs an experiment's program under each allocator, as it is and in each variant.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiment.hpp"

namespace arenite::command {

// What could not be run here, and why: an experiment goes on without it.
struct LeftOut {
  std::string variant;
  std::string allocator;  // empty: all
  std::string why;
};

struct Outcome {
  std::vector<Run> runs;  // variant by variant, the program as it is first
  std::vector<LeftOut> left_out;
};

// Shows progress on standard error; `prefix`, where there is one, as progress.hpp says. Throws
// Failure where a program did not do what it was to do.
Outcome run_experiment(const Experiment& experiment, const std::vector<Allocator>& allocators,
                       const std::function<std::string()>& prefix = {});

}  // namespace arenite::command
