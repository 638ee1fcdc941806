// A container as far as the allocator sees one: this process gets a /sys/fs/cgroup of its own.
#pragma once

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"
#include "threads.hpp"

namespace container {

using namespace behaviour;

inline bool write_file(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool is_written = write(file, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
  close(file);
  return is_written;
}

// From here on only this process and its children see an empty /sys/fs/cgroup. Before threads.
inline void enter() {
  const unsigned user = geteuid();
  if (user == 0) {
    if (unshare(CLONE_NEWNS) != 0) cannot_try("no mount namespace to be had");
  } else {
    char users[32], groups[32];
    snprintf(users, sizeof(users), "0 %u 1", user);
    snprintf(groups, sizeof(groups), "0 %u 1", static_cast<unsigned>(getegid()));
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !write_file("/proc/self/uid_map", users) ||
        !write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/gid_map", groups))
      cannot_try("no user namespace to be had");
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", "/sys/fs/cgroup", "tmpfs", 0, "mode=755") != 0) {
    cannot_try("cannot mount over /sys/fs/cgroup");
  }
}

// A file of the group, which is the root of what is mounted, as in a container.
inline void set(const char* file, const char* text) {
  char path[128];
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", file);
  EXPECT(write_file(path, text));
}

// Whether this kernel has the controller in a tree of v1, where limits are then looked for.
inline bool has_v1(const char* controller) {
  static char text[16384];
  const int file = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? 0 : read(file, text, sizeof(text) - 1);
  if (file >= 0) close(file);
  if (size <= 0) cannot_try("the kernel has no control groups");
  text[size] = '\0';
  for (char* line = strtok(text, "\n"); line != nullptr; line = strtok(nullptr, "\n")) {
    const char* name = strchr(line, ':') + 1;
    const std::size_t length = strcspn(name, ":");
    for (const char* at = name; at < name + length; at += strcspn(at, ",:") + 1) {
      if (strcspn(at, ",:") == strlen(controller) &&
          strncmp(at, controller, strlen(controller)) == 0)
        return true;
    }
  }
  return false;
}

inline void set_quota(int percent) {
  char text[64];
  if (has_v1("cpu")) {
    mkdir("/sys/fs/cgroup/cpu", 0755);
    snprintf(text, sizeof(text), "%d\n", percent * 1000);
    set("cpu/cpu.cfs_quota_us", text);
    set("cpu/cpu.cfs_period_us", "100000\n");
    return;
  }
  set("cgroup.controllers", "cpu memory\n");
  snprintf(text, sizeof(text), "%d 100000\n", percent * 1000);
  set("cpu.max", text);
}

inline int processors_to_run_on() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  return CPU_COUNT(&set);
}

inline void run_on_one_processor() {
  cpu_set_t now, one;
  EXPECT_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &now)) continue;
    CPU_SET(i, &one);
    break;
  }
  EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
}

}  // namespace container
