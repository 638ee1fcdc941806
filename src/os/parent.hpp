// The parent process, as far as it can be seen in /proc.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// Whether the parent has this library in it, the same file, and began with a variable whose
// NAME=VALUE starts with these letters, on its own or as one of the tunables in a list. False where
// that cannot be seen. Reads files of /proc: for use where something is wrong anyway.
bool parent_has(const char* variable, size_t length);

}  // namespace arenite::os
