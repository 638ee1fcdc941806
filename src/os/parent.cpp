#include "os/parent.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

namespace arenite::os {
namespace {

// A file of /proc, letter by letter.
class File {
 public:
  explicit File(const char* path)
      : file_(static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC))) {}
  ~File() {
    if (file_ >= 0) syscall(SYS_close, file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // -1 at the end.
  int next() {
    if (at_ == size_) {
      const long n = file_ < 0 ? 0 : syscall(SYS_read, file_, buffer_, sizeof buffer_);
      if (n <= 0) return -1;
      at_ = 0;
      size_ = static_cast<size_t>(n);
    }
    return static_cast<unsigned char>(buffer_[at_++]);
  }

 private:
  int file_;
  size_t at_ = 0;
  size_t size_ = 0;
  char buffer_[1024];
};

Text<40> path_of(long process, const char* file) {
  Text<40> path;
  path << "/proc/" << static_cast<size_t>(process) << '/' << file;
  return path;
}

// A line of /proc/PID/maps: "7f00-7f10 r-xp 00001000 08:01 1234  /path".
struct Mapping {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  Text<48> file;  // device and inode, "08:01 1234"
};

// False at the end of the file.
bool read_mapping(File& maps, Mapping& mapping) {
  mapping = {};
  uintptr_t* number = &mapping.begin;
  size_t field = 0;
  int c = maps.next();
  if (c < 0) return false;
  for (; c >= 0 && c != '\n'; c = maps.next()) {
    if (c == ' ') field++;
    if (field == 0 && c == '-') number = &mapping.end;
    if (field == 0 && c != '-')
      *number = *number << 4 | static_cast<uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (field == 3 || field == 4) mapping.file << static_cast<char>(c);
  }
  return true;
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) a++, b++;
  return *a == *b;
}

// Whether the process has mapped the file that this code is in.
bool has_this_library(long process) {
  const auto here = reinterpret_cast<uintptr_t>(&parent_has);
  Mapping own;
  File maps("/proc/self/maps");
  do {
    if (!read_mapping(maps, own)) return false;
  } while (here < own.begin || here >= own.end);
  File others(path_of(process, "maps").c_str());
  Mapping mapping;
  while (read_mapping(others, mapping)) {
    if (equal(own.file.c_str(), mapping.file.c_str())) return true;
  }
  return false;
}

bool began_with(long process, const char* variable, size_t length) {
  File environment(path_of(process, "environ").c_str());
  // How many letters of it the last ones read are; none may be while this is `k_no_start`.
  constexpr size_t k_no_start = SIZE_MAX;
  size_t matched = 0;
  for (int c = environment.next(); c >= 0; c = environment.next()) {
    if (matched != k_no_start)
      matched = static_cast<char>(c) == variable[matched] ? matched + 1 : k_no_start;
    if (matched == length) return true;
    if (c == '\0' || (c == '.' && matched == k_no_start)) matched = 0;
  }
  return false;
}

}  // namespace

ARENITE_COLD bool parent_has(const char* variable, size_t length) {
  const int saved = errno;
  const long parent = syscall(SYS_getppid);
  const bool has =
      length > 0 && parent > 0 && began_with(parent, variable, length) && has_this_library(parent);
  errno = saved;
  return has;
}

}  // namespace arenite::os
