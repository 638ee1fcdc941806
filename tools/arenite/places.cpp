// Looking in the three places. See places.hpp.
//
// LD_PRELOAD separates names by spaces and colons and has no way to quote them, so a path with one
// in it is refused here: the dynamic linker would try its pieces and run the program without.

#include "places.hpp"

#include <fmt/format.h>

#include <system_error>
#include <vector>

#include "errors.hpp"

namespace arenite::command {
namespace {

namespace fs = std::filesystem;

// What a program that is linked with it asks for; without the development files there is no other.
constexpr char k_library_name[] = ARENITE_LIBRARY_NAME;
constexpr char k_32_bit_library_name[] = "libarenite.so";
constexpr char k_32_bit_directory[] = "32";

fs::path own_directory() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : self.parent_path();
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The name stays as it is: an update replaces the file that libarenite.so.0 leads to, and a program
// that runs then must be able to start others.
fs::path preloadable(const fs::path& path) {
  fs::path absolute =
      fs::canonical(path.parent_path().empty() ? "." : path.parent_path()) / path.filename();
  if (absolute.string().find_first_of(": ") != std::string::npos) {
    throw Failure(
        fmt::format("{}: a path with a space or a colon cannot be preloaded", absolute.string()));
  }
  return absolute;
}

// The first of the places that is there, or empty.
fs::path first_of(const std::vector<fs::path>& places) {
  for (const fs::path& place : places) {
    if (is_file(place)) return place;
  }
  return {};
}

fs::path in_lab(const fs::path& name) {
  const fs::path own = own_directory();
  return first_of({own / "lab" / name, own.parent_path() / "libexec" / "arenite" / "lab" / name,
                   fs::path(ARENITE_INSTALL_LABDIR) / name});
}

}  // namespace

fs::path find_library(const std::string& named) {
  if (!named.empty()) {
    if (!is_file(named)) throw UsageError(fmt::format("--library: {}: no such file", named));
    return preloadable(named);
  }
  const fs::path own = own_directory();
  const fs::path found = first_of({own / k_library_name, own.parent_path() / "lib" / k_library_name,
                                   own.parent_path() / ARENITE_LIBDIR / k_library_name,
                                   fs::path(ARENITE_INSTALL_LIBDIR) / k_library_name});
  if (found.empty()) {
    throw Failure(fmt::format("{} is neither in {} nor in {} nor in {}; name it with --library",
                              k_library_name, own.string(), (own.parent_path() / "lib").string(),
                              ARENITE_INSTALL_LIBDIR));
  }
  return preloadable(found);
}

fs::path find_lab_program(const std::string& name, bool is_32_bit) {
  fs::path found = in_lab(is_32_bit ? k_32_bit_directory / fs::path(name) : fs::path(name));
  if (found.empty()) {
    throw Failure(
        fmt::format("the lab program {} is not in {}", name, (own_directory() / "lab").string()));
  }
  return found;
}

bool has_32_bit_lab_program(const std::string& name) {
  return !in_lab(k_32_bit_directory / fs::path(name)).empty();
}

fs::path find_32_bit_library() {
  const fs::path found = in_lab(k_32_bit_directory / fs::path(k_32_bit_library_name));
  return found.empty() ? found : preloadable(found);
}

}  // namespace arenite::command
