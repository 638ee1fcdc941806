#include "os/cgroup.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

#include "os/cgroup_text.hpp"

namespace arenite::os {
namespace {

class KeepErrno {
 public:
  KeepErrno() = default;
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int saved_ = errno;
};

class File {
 public:
  explicit File(const char* path)
      : descriptor_(
            static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0))) {}
  ~File() {
    if (descriptor_ >= 0) syscall(SYS_close, descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  // How much was read; 0 at the end, and where it cannot be read.
  size_t read(char* buffer, size_t size) const {
    if (!is_open()) return 0;
    long n = 0;
    do {
      n = syscall(SYS_read, descriptor_, buffer, size);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? static_cast<size_t>(n) : 0;
  }

 private:
  int descriptor_;
};

// A file's lines, one after the other; of one longer than `k_longest`, its beginning.
template <size_t k_longest>
class Lines {
 public:
  explicit Lines(const char* path) : file_(path) {}

  bool next() {
    size_ = 0;
    is_whole_ = true;
    for (bool has_begun = false;; has_begun = true) {
      if (at_ == end_) {
        at_ = 0;
        end_ = file_.read(chunk_, sizeof(chunk_));
        if (end_ == 0) return has_begun;
      }
      const char c = chunk_[at_++];
      if (c == '\n') return true;
      is_whole_ = is_whole_ && size_ < k_longest;
      if (is_whole_) line_[size_++] = c;
    }
  }
  string_view line() const { return {line_, size_}; }
  bool is_whole() const { return is_whole_; }

 private:
  File file_;
  bool is_whole_ = true;
  size_t at_ = 0;
  size_t end_ = 0;
  size_t size_ = 0;
  char line_[k_longest] = {};
  char chunk_[512] = {};
};

// Stacks may be small: all that is on them here is below 5 KiB.
constexpr size_t k_longest_line = 768;

// A path that is lengthened and cut back. Room for a line, the mount point and a file's name.
class Path {
 public:
  explicit Path(const char* start) { *this << string_view(start, __builtin_strlen(start)); }

  Path& operator<<(string_view text) {
    for (const char c : text) {
      if (size_ + 1 < sizeof(text_)) text_[size_++] = c;
    }
    text_[size_] = '\0';
    return *this;
  }
  void cut_to(size_t size) {
    size_ = size;
    text_[size] = '\0';
  }
  // Goes one directory up; `least` stays.
  void go_up(size_t least) {
    while (size_ > least && text_[size_ - 1] != '/') size_--;
    cut_to(size_ > least ? size_ - 1 : least);
  }
  size_t size() const { return size_; }
  const char* c_str() const { return text_; }
  bool exists() const { return syscall(SYS_faccessat, AT_FDCWD, text_, F_OK) == 0; }

 private:
  size_t size_ = 0;
  char text_[k_longest_line + 256] = {};
};

// The first line of `name` in a directory, as a figure.
uint64_t limit_in(Path& directory, string_view name) {
  const size_t size = directory.size();
  directory << "/" << name;
  Lines<32> file(directory.c_str());
  directory.cut_to(size);
  return file.next() && file.is_whole() ? parse_limit(file.line()) : k_no_limit;
}

ARENITE_COLD uint64_t stat_in(Path& directory, string_view name) {
  const size_t size = directory.size();
  directory << "/memory.stat";
  Lines<64> file(directory.c_str());
  directory.cut_to(size);
  while (file.next()) {
    if (const uint64_t figure = stat_figure(file.line(), name); figure != k_no_limit) return figure;
  }
  return 0;
}

// Puts the mount point of a group's tree behind `path`.
void add_mount(Path& path, const Membership& group, string_view controller) {
  path << "/sys/fs/cgroup";
  const size_t size = path.size();
  if (group.controllers.empty()) {
    path << "/cgroup.controllers";
    const bool is_v2_alone = path.exists();
    path.cut_to(size);
    if (!is_v2_alone) path << "/unified";
    return;
  }
  path << "/" << controller;
  if (path.exists()) return;
  path.cut_to(size);
  path << "/" << group.controllers;
}

// Calls visit(context, directory, is_v2) for the process's group that has to do with `controller`,
// and for each above it; likewise where v1 and v2 are both mounted and only one of them has it.
using Visit = void (*)(void* context, Path& directory, bool is_v2);
void for_each_group(const char* root, string_view controller, Visit visit, void* context) {
  Path list(root);
  list << "/proc/self/cgroup";
  Lines<k_longest_line> lines(list.c_str());
  while (lines.next()) {
    const Membership group = parse_membership(lines.line(), lines.is_whole());
    const bool is_v2 = group.controllers.empty();
    if (!group.is_valid || !(is_v2 || names_controller(group.controllers, controller))) continue;
    Path directory(root);
    add_mount(directory, group, controller);
    const size_t mount_size = directory.size();
    directory << group.path;
    for (;;) {
      visit(context, directory, is_v2);
      if (directory.size() == mount_size) break;
      directory.go_up(mount_size);
    }
  }
}

uint64_t quota_of(Path& directory, bool is_v2) {
  if (!is_v2) {
    const uint64_t quota = limit_in(directory, "cpu.cfs_quota_us");
    return quota == k_no_limit ? 0 : processors_of(quota, limit_in(directory, "cpu.cfs_period_us"));
  }
  const size_t size = directory.size();
  directory << "/cpu.max";
  Lines<64> file(directory.c_str());
  directory.cut_to(size);
  return file.next() && file.is_whole() ? parse_cpu_max(file.line()) : 0;
}

// The names of the same figures in the two versions.
struct MemoryFiles {
  string_view limits[2];
  string_view usage;
  string_view untouched;
};
MemoryFiles memory_files(bool is_v2) {
  if (is_v2) return {{"memory.max", "memory.high"}, "memory.current", "inactive_file"};
  return {{"memory.limit_in_bytes", {}}, "memory.usage_in_bytes", "total_inactive_file"};
}

// The lower one; k_no_limit: there is none.
uint64_t memory_limit_of(Path& directory, const MemoryFiles& files) {
  uint64_t limit = k_no_limit;
  for (const string_view name : files.limits) {
    if (name.empty()) continue;
    if (const uint64_t one = limit_in(directory, name); one < limit) limit = one;
  }
  return limit == 0 ? k_no_limit : limit;
}

ARENITE_COLD MemoryGroup memory_of(Path& directory, const MemoryFiles& files) {
  const uint64_t limit = memory_limit_of(directory, files);
  if (limit == k_no_limit) return {};
  uint64_t used = limit_in(directory, files.usage);
  if (used == k_no_limit) return {};
  // The page cache fills a container to its limit as a matter of course. Summing it up costs more
  // than all the rest, and below the half it changes nothing.
  if (used > limit / 2) {
    const uint64_t untouched = stat_in(directory, files.untouched);
    used -= untouched < used ? untouched : used;
  }
  return {limit, used};
}

ARENITE_COLD bool is_fuller(const MemoryGroup& a, const MemoryGroup& b) {
  if (a.limit == 0 || b.limit == 0) return a.limit != 0;
  return static_cast<double>(a.used) * static_cast<double>(b.limit) >
         static_cast<double>(b.used) * static_cast<double>(a.limit);
}

}  // namespace

size_t processor_quota(const char* root) {
  const KeepErrno keep_errno;
  uint64_t least = 0;
  const Visit visit = [](void* context, Path& directory, bool is_v2) {
    auto& lowest = *static_cast<uint64_t*>(context);
    const uint64_t quota = quota_of(directory, is_v2);
    if (quota != 0 && (lowest == 0 || quota < lowest)) lowest = quota;
  };
  for_each_group(root, "cpu", visit, &least);
  return least < SIZE_MAX ? static_cast<size_t>(least) : SIZE_MAX;
}

uint64_t memory_limit(const char* root) {
  const KeepErrno keep_errno;
  uint64_t least = k_no_limit;
  const Visit visit = [](void* context, Path& directory, bool is_v2) {
    auto& lowest = *static_cast<uint64_t*>(context);
    const uint64_t limit = memory_limit_of(directory, memory_files(is_v2));
    if (limit < lowest) lowest = limit;
  };
  for_each_group(root, "memory", visit, &least);
  return least == k_no_limit ? 0 : least;
}

ARENITE_COLD MemoryGroup memory_group(const char* root) {
  const KeepErrno keep_errno;
  MemoryGroup fullest;
  const Visit visit = [](void* context, Path& directory, bool is_v2) {
    auto& most = *static_cast<MemoryGroup*>(context);
    const MemoryGroup group = memory_of(directory, memory_files(is_v2));
    if (is_fuller(group, most)) most = group;
  };
  for_each_group(root, "memory", visit, &fullest);
  return fullest;
}

}  // namespace arenite::os
