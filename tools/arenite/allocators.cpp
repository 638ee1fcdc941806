// One table of the known allocators, and looking for their files. See allocators.hpp.

#include "allocators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "child.hpp"
#include "errors.hpp"
#include "places.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

constexpr char k_glibc[] = "glibc";
constexpr char k_arenite[] = "arenite";
constexpr char k_arenite_classic[] = "arenite-classic";

// Others, by the names of their files (the newest first) and Debian's package.
struct Other {
  const char* name;
  std::array<const char*, 4> files;
  const char* package;
};
constexpr Other k_others[] = {
    {"jemalloc", {"libjemalloc.so.2", "libjemalloc.so"}, "libjemalloc2"},
    {"tcmalloc",
     {"libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so", "libtcmalloc.so"},
     "libtcmalloc-minimal4"},
    {"mimalloc", {"libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so"}, "libmimalloc2.0"},
    {"tbbmalloc", {"libtbbmalloc_proxy.so.2", "libtbbmalloc_proxy.so"}, "libtbbmalloc2"},
};
constexpr char k_multiarch_directory[] = "/usr/lib/" ARENITE_LIBRARY_ARCHITECTURE;
constexpr const char* k_library_directories[] = {
    "/usr/local/lib", k_multiarch_directory, "/usr/lib64", "/usr/lib", "/lib64",
};

std::string file_of(const Other& other) {
  for (const char* file : other.files) {
    if (file == nullptr) break;
    for (const char* directory : k_library_directories) {
      std::error_code error;
      const fs::path path = fs::path(directory) / file;
      if (fs::is_regular_file(path, error)) return path.string();
    }
  }
  return {};
}

Allocator by_path(const std::string& name) {
  std::error_code error;
  const fs::path path = fs::canonical(name, error);
  if (error || !fs::is_regular_file(path, error)) {
    throw UsageError(fmt::format("--allocators: {}: no such file", name));
  }
  return {path.filename().string(), path.string(), {}};
}

Allocator by_name(const std::string& name, const std::string& arenite_library) {
  if (name == k_glibc) return {name, "", {}};
  if (name == k_arenite_classic)
    return {name, find_library(arenite_library), {"ARENITE_MODE=classic"}};
  if (name == k_arenite) return {name, find_library(arenite_library), {"ARENITE_MODE=default"}};
  for (const Other& other : k_others) {
    if (name != other.name) continue;
    const std::string file = file_of(other);
    if (!file.empty()) return {name, file, {}};
    throw UsageError(fmt::format("--allocators: {} is not installed (Debian: apt-get install {})",
                                 name, other.package));
  }
  if (name.find('/') != std::string::npos) return by_path(name);
  throw UsageError(fmt::format("--allocators: '{}' is unknown; there are {} and paths", name,
                               known_allocator_names()));
}

std::vector<std::string> installed_names() {
  std::vector<std::string> names = {k_glibc, k_arenite_classic, k_arenite};
  for (const Other& other : k_others) {
    if (!file_of(other).empty()) names.emplace_back(other.name);
  }
  return names;
}

}  // namespace

bool Allocator::is_arenite() const {
  return name == k_arenite || name == k_arenite_classic;
}

std::vector<Allocator> find_allocators(const std::vector<std::string>& names,
                                       const std::string& arenite_library) {
  std::vector<Allocator> allocators;
  for (const std::string& name :
       names == std::vector<std::string>{"all"} ? installed_names() : names) {
    const Allocator allocator = by_name(name, arenite_library);
    const bool twice = std::any_of(allocators.begin(), allocators.end(),
                                   [&](const Allocator& a) { return a.name == allocator.name; });
    if (twice) throw UsageError(fmt::format("--allocators: {} is named twice", allocator.name));
    allocators.push_back(allocator);
  }
  return allocators;
}

std::string known_allocator_names() {
  std::string names = fmt::format("{}, {}, {}", k_glibc, k_arenite_classic, k_arenite);
  for (const Other& other : k_others) names += fmt::format(", {}", other.name);
  return names;
}

std::vector<std::string> environment_for(const Allocator& allocator) {
  std::vector<std::string> names = {"LD_PRELOAD"};
  for (const std::string& entry : allocator.environment) {
    names.push_back(entry.substr(0, entry.find('=')));
  }
  std::vector<std::string> environment = environment_without(names);
  environment.insert(environment.end(), allocator.environment.begin(), allocator.environment.end());
  if (!allocator.library.empty()) environment.push_back("LD_PRELOAD=" + allocator.library);
  return environment;
}

}  // namespace arenite::command
