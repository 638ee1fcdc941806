// Control groups: what the container allows this process, as the kernel's files tell it.
//
// The limits are read at start and never again, because a sandbox that a program enters later may
// forbid it to open files; only who asks for that (ARENITE_CONTAINER=watch) is told how full the
// container is. Each reading is in stack buffers, with nothing kept open: programs close all
// descriptors. It costs some tens of microseconds. Whatever is missing or cannot be
// read counts as no limit. A group's ancestors bind it as well, so all of them are asked, up to the
// root of what is mounted; where the group itself is not to be seen, as in a container whose root
// is mounted in place of the machine's, that root is the container's group.
//
// Looked for in the usual places only: v2 in /sys/fs/cgroup, or in its `unified` beside v1; v1 in
// /sys/fs/cgroup/<controllers>. systemd, OpenRC and all container runtimes mount there; the list of
// mounts, which would tell the rest, has no bound and takes the kernel's lock on them.
//
// `root` stands before every path, for tests: no setting of a program can change where is read.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// Processors' worth of time that the quota allows, rounded up; 0: there is no quota.
size_t processor_quota(const char* root = "");

// The lowest limit of memory (the lower one of high and max) in bytes; 0: there is none.
uint64_t memory_limit(const char* root = "");

// The memory group that is fullest: its limit (the lower one of high and max), and what of it is
// used and not easily given up: without file pages that were not touched lately.
struct MemoryGroup {
  uint64_t limit = 0;  // 0: none has a limit
  uint64_t used = 0;
};
MemoryGroup memory_group(const char* root = "");

}  // namespace arenite::os
