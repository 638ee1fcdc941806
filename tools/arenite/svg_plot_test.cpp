// Plots: marks at round numbers, lengths that are to be compared by eye.

#include "svg_plot.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace arenite::command {
namespace {

using Marks = std::vector<double>;

TEST(Ticks, AreRound) {
  EXPECT_EQ(ticks(0, 100, 5, false), (Marks{0, 20, 40, 60, 80, 100}));
  EXPECT_NEAR(ticks(0, 0.7, 5, false).back(), 0.6, 1e-9);
  EXPECT_EQ(ticks(-3, 12, 3, false), (Marks{0, 5, 10}));
  EXPECT_EQ(ticks(1, 1e6, 8, true), (Marks{1, 10, 100, 1e3, 1e4, 1e5, 1e6}));
  EXPECT_EQ(ticks(8, 2e6, 2, true), (Marks{10, 1e4}));
}

std::vector<double> widths_of(const std::string& svg) {
  const std::regex bar("<rect [^>]* width=\"([0-9.]+)\"");
  std::vector<double> widths;
  for (std::sregex_iterator i(svg.begin(), svg.end(), bar), end; i != end; ++i) {
    widths.push_back(std::stod((*i)[1]));
  }
  return widths;
}

TEST(SvgBars, AreAsLongAsTheirFigures) {
  const std::string svg = svg_bars({{"filled", "glibc", 300, "300.0", 0},
                                    {"filled", "arenite", 150, "150.0", 1},
                                    {"cleared", "arenite", 0, "0.0", 1}},
                                   k_desk_width);
  const std::vector<double> widths = widths_of(svg);
  ASSERT_EQ(widths.size(), 3u);
  EXPECT_NEAR(widths[0], 2 * widths[1], 0.2);
  EXPECT_EQ(widths[2], 1);
  EXPECT_LT(widths[0], k_desk_width);
  EXPECT_NE(svg.find("class=\"s2\""), std::string::npos);
}

TEST(SvgCurves, StayOnThePaper) {
  for (const double width : {k_desk_width, k_phone_width}) {
    const std::string svg =
        svg_curves("bytes", {{"glibc", {{1, 5}, {1e6, 1234567}}, 0}, {"arenite", {}, 1}}, width);
    const std::regex point("([0-9.-]+),([0-9.-]+) ");
    size_t count = 0;
    for (std::sregex_iterator i(svg.begin(), svg.end(), point), end; i != end; ++i, count++) {
      EXPECT_GE(std::stod((*i)[1]), 0);
      EXPECT_LE(std::stod((*i)[1]), width);
      EXPECT_GE(std::stod((*i)[2]), 0);
      EXPECT_LE(std::stod((*i)[2]), 260);
    }
    EXPECT_EQ(count, 2u);
  }
}

TEST(SvgCurves, AreDrawnWithoutASinglePoint) {
  EXPECT_NE(svg_curves("x", {}, k_desk_width), "");
  EXPECT_NE(svg_curves("x", {{"glibc", {{3, 0}}, 0}}, k_desk_width), "");
}

}  // namespace
}  // namespace arenite::command
