// What was measured, as HTML: plots, tables, players of drawings, and under what conditions.
#pragma once

#include <string>

#include "report.hpp"

namespace arenite::command {

// Which colour is who.
std::string plot_legend(const Presentation& shown);

// All plots, each with its title and which colour is who.
std::string plots(const Chapter& chapter);

// What decides: a sentence and a table with a line for each run. Empty where there is none.
std::string findings(const Chapter& chapter);

// For the index: the bars of the deciding step, a curve or, of what is drawn, the frames as a film;
// else the deciding figure; else the conclusion.
std::string thumbnail(const Chapter& chapter);

// An element for each drawing that site.js makes a player of.
std::string players(const Chapter& chapter);

std::string tables(const Chapter& chapter);

// The machine, of any experiment's figures; and besides, this experiment's options and allocators.
std::string machine(const Json& figures);
std::string conditions(const Chapter& chapter);

}  // namespace arenite::command
