// A drawing's frames at a glance: memory after each step as a strip, one strip below the other.
#pragma once

#include <string>

#include "experiment.hpp"

namespace arenite::command {

// As small SVG. `drawing` is one of --json's: its frames, with memory and cells. Of many frames
// some, evenly chosen, the last among them.
std::string film(const Json& drawing);

}  // namespace arenite::command
