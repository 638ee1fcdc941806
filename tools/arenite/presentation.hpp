// An experiment's runs as tables and plots: what the terminal shows and --json carries.
//
// And what decides: a table with a line for each run, and one sentence of it.
//
// One table and one set of plots for each variant, with a column, a bar or a curve for each
// allocator. Cells are text already, so that whoever shows them needs to know nothing of the
// experiment.
#pragma once

#include <string>
#include <vector>

#include "curves.hpp"
#include "experiment.hpp"
#include "plot.hpp"

namespace arenite::command {

// A line of a table: a heading (one cell), or a cell for each column.
struct ShownLine {
  std::vector<std::string> cells;
  bool is_heading;
};

struct ShownTable {
  std::string title;  // of the variant; empty for the program as it is
  std::vector<std::string> header;
  std::vector<ShownLine> lines;
};

struct ShownBars {
  std::string title;
  std::vector<Bar> bars;
};

struct ShownCurves {
  std::string title;
  std::string x_title;
  std::vector<Curve> curves;
};

struct Presentation {
  std::vector<ShownTable> tables;
  std::vector<ShownBars> bars;
  std::vector<ShownCurves> curves;
  ShownTable findings = {};   // a line for each run; no lines where an experiment has none
  std::string sentence = {};  // the deciding one, of the two runs that are compared
  ShownBars deciding = {};    // the bars of the step that says most, of the program as it is
};

Presentation present(const Experiment& experiment, const std::vector<Run>& runs);

// As --json carries it: {"tables":[…],"plots":[…]}.
Json presentation_json(const Presentation& presentation);

std::string presentation_text(const Presentation& presentation, const Terminal& terminal);

}  // namespace arenite::command
