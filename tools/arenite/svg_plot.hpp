// Plots of a report, as SVG within the page.
//
// Each is drawn twice, for a desk and for a phone, and the page's style shows the one that fits: a
// drawing that is scaled would have letters too small to read. Colours come from the style too, by
// class, and an allocator has the same one in all plots.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "curves.hpp"
#include "plot.hpp"

namespace arenite::command {

inline constexpr double k_desk_width = 720;
inline constexpr double k_phone_width = 340;

// s0 to s7.
std::string colour_class(const std::string& allocator);

// Horizontal bars, all on one scale from 0; groups one below the other.
std::string svg_bars(const std::vector<Bar>& bars, double width);

// Curves; y from 0. An x that goes over more than three powers of ten is shown by its logarithm.
std::string svg_curves(const std::string& x_title, const std::vector<Curve>& curves, double width);

// Round numbers from `from` to `to`, some `count` of them: 0, 20, 40, …; 1, 10, 100, … where the
// axis is logarithmic.
std::vector<double> ticks(double from, double to, size_t count, bool is_logarithmic);

}  // namespace arenite::command
