// What an experiment's figures depend on besides the allocator: machine, kernel, libc, settings.
#pragma once

#include <string>
#include <vector>

namespace arenite::command {

struct Surroundings {
  std::string kernel;
  std::string libc;
  long processors;
  long page_bytes;
  std::string huge_pages = "unknown";
  std::vector<std::string> settings;  // NAME=VALUE of the environment that allocators read

  Surroundings();
};

}  // namespace arenite::command
