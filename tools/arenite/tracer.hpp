// Counts a program's calls to the kernel for memory, with little in its way.
//
// A seccomp filter on the program lets all system calls pass but those of a short list: brk, mmap,
// munmap, mremap, madvise (with process_madvise) and mprotect, of 64-bit and of 32-bit x86 or of
// 64-bit ARM. Such a call is held until we have counted it, some 10 µs, and then goes on as if
// nothing had been (SECCOMP_RET_USER_NOTIF). The filter passes to threads, children and whatever is
// executed; no ptrace, no stops, no signals.
//
// A program learns the counts by a call that only the filter knows (lab/kernel_calls.hpp), so that
// they come in order with its calls, whichever thread asks.
//
//   command                                    child, between fork and exec
//   Tracer tracer;                             tracer.trace_me()    installs the filter, sends the
//   tracer.attach()           <-- socket --    listener; does nothing where the kernel refuses
//   poll tracer.descriptor(), tracer.answer()
//
// Where it is refused (an old kernel, a sandbox) the program runs untraced and its figures are
// null. The filter also takes from the program what set-user-ID programs would gain (no_new_privs).
#pragma once

#include <array>
#include <cstdint>

#include "kernel_calls.hpp"

namespace arenite::command {

class Tracer {
 public:
  Tracer();
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // In the child: async-signal-safe.
  void trace_me() const;

  // In the parent, after fork: waits for the child's word. False where it is not traced.
  bool attach();

  // What to poll for held calls; -1, which poll() passes over, where the program is not traced.
  int descriptor() const { return listener_; }

  // Answers one held call.
  void answer();

 private:
  int parent_end_ = -1;
  int child_end_ = -1;
  int listener_ = -1;
  std::array<uint64_t, lab::k_kernel_call_count> counts_{};
};

}  // namespace arenite::command
