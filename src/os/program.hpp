// The program's name, for the last words.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// What the program was executed as, without its folder: of the auxiliary vector, where that names a
// file.
Text<64> program_name();

// A path without its folders.
const char* base_name(const char* path);

}  // namespace arenite::os
