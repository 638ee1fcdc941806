// Curves over a common x, drawn in text.
//
//   resident, MiB
//     307.7 |        a a a a
//           |    a a b b b b
//           |  a b b
//         0 |__________________
//            0               40  seconds
//     a glibc  b arenite
//
// A letter for each curve; where two meet, the later one stands. All share both scales, y from 0.
#pragma once

#include <string>
#include <vector>

#include "terminal.hpp"

namespace arenite::command {

struct Point {
  double x;
  double y;
};

struct Curve {
  std::string label;
  std::vector<Point> points;  // x ascending
  size_t colour;
};

std::string curve_plot(const std::string& title, const std::string& x_title,
                       const std::vector<Curve>& curves, const Terminal& terminal);

}  // namespace arenite::command
