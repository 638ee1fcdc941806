// See experiments.def.

#include "experiments.hpp"

namespace arenite::command {

const std::vector<Experiment>& all_experiments() {
  static const std::vector<Experiment> experiments = {
#define EXPERIMENT(name) name(),
#include "experiments.def"
  };
  return experiments;
}

}  // namespace arenite::command
