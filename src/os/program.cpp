#include "os/program.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace arenite::os {
namespace {

ARENITE_COLD bool has_prefix(const char* text, const char* prefix) {
  while (*prefix != '\0' && *text == *prefix) text++, prefix++;
  return *prefix == '\0';
}

}  // namespace

ARENITE_COLD const char* base_name(const char* path) {
  const char* base = path;
  for (; *path != '\0'; path++) {
    if (*path == '/') base = path + 1;
  }
  return base;
}

ARENITE_COLD Text<64> program_name() {
  const auto* path = at_address<const char>(getauxval(AT_EXECFN));
  if (path == nullptr) path = "?";
  // A program that starts itself anew is executed as /proc/self/exe, one without a path as
  // /dev/fd/3.
  char file[512] = "";
  if (has_prefix(path, "/proc/") || has_prefix(path, "/dev/fd/")) {
    const long size = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", file, sizeof(file) - 1);
    if (size > 0) path = file;
  }
  Text<64> name;
  name << base_name(path);
  return name;
}

}  // namespace arenite::os
