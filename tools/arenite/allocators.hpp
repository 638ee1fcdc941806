// The allocators that the lab can run a program under.
//
// Each is a library to preload, or none, and what to set in the environment. glibc is what a
// program gets by itself; arenite comes twice, in its two modes; of the others, those that a
// distribution packages are known by name and looked for where libraries live. Anything else can be
// named by path.
#pragma once

#include <string>
#include <vector>

namespace arenite::command {

struct Allocator {
  std::string name;
  std::string library;                   // absolute path to preload; empty: libc's own
  std::vector<std::string> environment;  // NAME=VALUE on top of the user's

  bool is_arenite() const;
};

// The allocators by these names, in this order; "all" stands for every one that is installed.
// `arenite_library` is what --library said, or empty. Throws UsageError for a name that is unknown,
// given twice or not installed.
std::vector<Allocator> find_allocators(const std::vector<std::string>& names,
                                       const std::string& arenite_library);

// "glibc, arenite-classic, arenite, jemalloc, …" for help texts.
std::string known_allocator_names();

// The environment for a child under this allocator: the user's own, without any preload of the
// user's and with the allocator's.
std::vector<std::string> environment_for(const Allocator& allocator);

}  // namespace arenite::command
