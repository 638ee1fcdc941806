// Whether the dynamic linker can load a library that is to be preloaded.
//
// It warns of one that it cannot load, and runs the program without it: on a malloc that nobody
// asked for. So the command tries first, on itself.
#pragma once

#include <filesystem>
#include <string>

namespace arenite::command {

// Why the library cannot be preloaded; empty where it can be, or where that cannot be tried because
// it is of another word size than the command.
std::string why_not_loaded(const std::filesystem::path& library);

}  // namespace arenite::command
