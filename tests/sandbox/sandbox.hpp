// A sandbox of seccomp: a call that is not on the list ends the process, which tells the call's
// name.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "expect.hpp"
#include "process.hpp"
#include "threads.hpp"

namespace sandbox {

using namespace behaviour;

constexpr int k_forbidden_status = 99;

struct Call {
  long number;
  const char* name;
};

// Those that an allocator might make. The kernel's name is the number's here and nowhere else.
inline const char* name_of(long number) {
#define NAMED(name) \
  { SYS_##name, #name }
  static constexpr Call k_named[] = {
      NAMED(openat),
      NAMED(read),
      NAMED(close),
      NAMED(faccessat),
      NAMED(mincore),
      NAMED(sched_yield),
      NAMED(rt_sigprocmask),
      NAMED(rt_sigaction),
      NAMED(clock_gettime),
      NAMED(getrandom),
      NAMED(gettid),
      NAMED(getpid),
      NAMED(getppid),
      NAMED(sched_getaffinity),
      NAMED(prctl),
      NAMED(membarrier),
      NAMED(clone),
      NAMED(set_robust_list),
      NAMED(nanosleep),
      NAMED(exit),
      NAMED(mlock),
      NAMED(msync),
      NAMED(getrusage),
      NAMED(sysinfo),
#ifdef SYS_clone3
      NAMED(clone3),
#endif
#ifdef SYS_rseq
      NAMED(rseq),
#endif
#ifdef SYS_process_madvise
      NAMED(process_madvise),
#endif
#ifdef SYS_clock_gettime64
      NAMED(clock_gettime64),
#endif
  };
#undef NAMED
  for (const Call& call : k_named) {
    if (call.number == number) return call.name;
  }
  return "another one";
}

inline void tell_and_end(int, siginfo_t* what, void*) {
  char line[100];
  const int size = snprintf(line, sizeof(line), "the sandbox forbids %s (system call %d)\n",
                            name_of(what->si_syscall), what->si_syscall);
  if (write(2, line, static_cast<std::size_t>(size)) != size) _exit(98);
  _exit(k_forbidden_status);
}

// What the library may call after start.
constexpr long k_allowed[] = {
    SYS_brk,          SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_futex,
#ifdef SYS_mmap2
    SYS_mmap2,
#else
    SYS_mmap,
#endif
#ifdef SYS_futex_time64
    SYS_futex_time64,
#endif
};
// What the test's own program needs to say something and to end.
constexpr long k_for_the_program[] = {SYS_write, SYS_exit_group, SYS_rt_sigreturn};
// What libc needs to start a thread or a child, and to end it.
constexpr long k_for_threads[] = {
    SYS_clone,  SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_set_robust_list, SYS_exit, SYS_wait4,
#ifdef SYS_clone3
    SYS_clone3,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
};

class Filter {
 public:
  Filter() {
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    allow(k_allowed);
    allow(k_for_the_program);
  }
  template <std::size_t n>
  void allow(const long (&calls)[n]) {
    for (const long call : calls) allow(call);
  }
  void allow(long call) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  // For all threads, from here on.
  void enter() {
    struct sigaction action = {};
    action.sa_sigaction = tell_and_end;
    action.sa_flags = SA_SIGINFO;
    EXPECT_EQ(sigaction(SIGSYS, &action, nullptr), 0);
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
    sock_fprog program = {count_, program_};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
      cannot_try("the kernel has no such filter");
  }

 private:
  void add(sock_filter instruction) {
    EXPECT(count_ < sizeof(program_) / sizeof(program_[0]));
    program_[count_++] = instruction;
  }
  unsigned short count_ = 0;
  sock_filter program_[100];
};

inline void enter() {
  free(malloc(1));
  Filter().enter();
}
inline void enter_with_threads() {
  free(malloc(1));
  Filter filter;
  filter.allow(k_for_threads);
  filter.enter();
}

inline void* take(std::size_t size) {
  void* p = malloc(size);
  EXPECT(p != nullptr);
  memset(p, 1, size);
  return p;
}

// Blocks of one size come; all but each n-th go, and then the rest.
inline void come_and_go(std::size_t size, std::size_t count, std::size_t keep_nth) {
  auto** blocks = static_cast<void**>(malloc(count * sizeof(void*)));
  EXPECT(blocks != nullptr);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < count; ++i) blocks[i] = take(size);
    for (std::size_t i = 0; i < count; ++i) {
      if (i % keep_nth != 0) free(blocks[i]);
    }
    malloc_trim(0);
    for (std::size_t i = 0; i < count; i += keep_nth) free(blocks[i]);
  }
  free(blocks);
  malloc_trim(0);
}

}  // namespace sandbox
