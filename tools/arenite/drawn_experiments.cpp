// What there is to draw. See drawn.hpp.

#include "drawn.hpp"

namespace arenite::command {

const std::vector<DrawnExperiment>& drawn_experiments() {
  static const std::vector<DrawnExperiment> k_experiments = {
      {"first-fit",
       "the allocator of Kernighan and Ritchie's book in eight steps",
       "first_fit",
       false,
       {}},
      {"attack",
       "a string that is too long, in a heap that believes its headers and in ours",
       "attack",
       true,
       {}},
  };
  return k_experiments;
}

}  // namespace arenite::command
