// F1 os: the door header. The kernel, and the little of libc that stands for it.
//
// This is the only floor that makes system calls. Each function says what it does to the address
// space and what it returns on failure; none sets errno, none allocates, none takes a lock of ours,
// and none trusts that a call will succeed. Calls go straight to the kernel, because a program may
// have put its own mmap in front of libc's. The one exception is the break: libc remembers where it
// is, so it has to move through libc's sbrk or the program's own sbrk would take our heap away.
//
//   pages.hpp       mappings, reservations, the break
//   fault.hpp       lets the n-th call fail, for tests
//   lock.hpp        the futex lock that fork can freeze
//   binding.hpp     what the dynamic linker made of a name
//   process.hpp     environment, processors, entropy, fork and thread-exit hooks
//   program.hpp     its name
//   parent.hpp      what the parent process has already said
//   clock.hpp       clocks that need no system call
//   cgroup.hpp      what the container allows
//   sleep.hpp       a thread of ours, and how it waits
//   stderr.hpp      the last words
//   whose.hpp       whose an address may be that is none of ours
//   frames.hpp      who called whom
#pragma once

#include "os/binding.hpp"
#include "os/cgroup.hpp"
#include "os/clock.hpp"
#include "os/fault.hpp"
#include "os/frames.hpp"
#include "os/lock.hpp"
#include "os/pages.hpp"
#include "os/parent.hpp"
#include "os/process.hpp"
#include "os/program.hpp"
#include "os/sleep.hpp"
#include "os/stderr.hpp"
#include "os/whose.hpp"
