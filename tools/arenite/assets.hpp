// Files that the command carries with it, so that a report can be written wherever it is installed:
// what the pages are made of (web/), the lab's pages and programs (lab/), and the library's
// sources, which the pages lead to. The build puts them in, as they are (assets.cmake).
#pragma once

#include <span>
#include <string_view>

namespace arenite::command {

struct Asset {
  std::string_view path;  // from the project's root: "lab/map-clear.md"
  std::string_view text;
};

// All of them, by path.
std::span<const Asset> all_assets();

// The one of that path, or null.
const Asset* find_asset(std::string_view path);

}  // namespace arenite::command
