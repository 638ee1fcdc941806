// Whether a preloaded library reaches a program at all.
//
// LD_PRELOAD is a request to the dynamic linker. A statically linked program has none, one of the
// other word size cannot load the library, and a set-user-ID program is protected from it. Each
// then runs on its own malloc, silently or with a warning that is easily taken for noise, and
// whoever measures it measures the wrong allocator.
#pragma once

#include <string>

namespace arenite::command {

// Why the library would not reach `program`, which is looked for as execvp() does; empty where it
// does, or where that cannot be told (a script, say).
std::string why_unreached(const std::string& program);

}  // namespace arenite::command
