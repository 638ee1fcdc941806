// The scripts of lab/walk/, which are built into the program.
#pragma once

#include <span>

namespace arenite::lab {

struct WalkScript {
  const char* name;
  const char* text;
};

std::span<const WalkScript> walk_scripts();

}  // namespace arenite::lab
