// A bar for each figure, drawn in text.
//
//   filled   glibc    ██████████████████████████████ 307.7
//            arenite  █████████████████████████████▉ 307.5
//   cleared  glibc    ██████████████████████████████ 307.7
//            arenite  ▎ 2.6
//
// Block characters go by eighths of a column; without UTF-8 the bars are of '#'. All bars of a plot
// share one scale, from 0 to the largest figure, so that lengths may be compared by eye.
#pragma once

#include <string>
#include <vector>

#include "terminal.hpp"

namespace arenite::command {

struct Bar {
  std::string group;  // printed where it changes
  std::string label;
  double value;
  std::string caption;  // the value as text
  size_t colour;        // the same number for what belongs together
};

std::string bar_plot(const std::string& title, const std::vector<Bar>& bars,
                     const Terminal& terminal);

}  // namespace arenite::command
