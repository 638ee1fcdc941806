// See surroundings.hpp.

#include "surroundings.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace arenite::command {

Surroundings::Surroundings()
    : libc(gnu_get_libc_version()),
      processors(sysconf(_SC_NPROCESSORS_ONLN)),
      page_bytes(sysconf(_SC_PAGESIZE)) {
  utsname names{};
  if (uname(&names) == 0) kernel = fmt::format("{} {}", names.sysname, names.release);
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string text;
  std::getline(file, text);
  const size_t from = text.find('[');
  const size_t to = text.find(']');
  if (from < to && to != std::string::npos) huge_pages = text.substr(from + 1, to - from - 1);
  for (char** entry = environ; *entry != nullptr; entry++) {
    const std::string setting = *entry;
    for (const char* prefix :
         {"GLIBC_TUNABLES=", "MALLOC_", "ARENITE_", "MIMALLOC_", "TCMALLOC_"}) {
      if (setting.starts_with(prefix)) settings.push_back(setting);
    }
  }
}

}  // namespace arenite::command
