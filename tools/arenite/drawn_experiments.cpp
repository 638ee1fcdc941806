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
      {"walk",
       "a script of requests on the living heap: chunks, bins, heaps, slabs or runs after each "
       "line",
       "walk",
       false,
       {{"script",
         "a built-in script's name, a file, or - for standard input; without it all that "
         "are built in",
         "NAME|FILE", ""},
        {"mode", "classic or default, instead of the script's own", "MODE", ""}},
       true},
      {"slab-and-buddy",
       "objects that keep their place, colours, spans that split and join; fragmentation measured",
       "slab_and_buddy",
       true,
       {}},
  };
  return k_experiments;
}

}  // namespace arenite::command
