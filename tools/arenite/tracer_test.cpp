// That every call of a traced program is counted, in whichever thread or child, and nothing else.

#include "tracer.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace arenite::command {
namespace {

using lab::kernel_calls_so_far;
using lab::KernelCall;
using lab::KernelCalls;

constexpr int k_refused = 77;

// Runs `work` in a traced child, which may use no gtest, and gives its exit status;
// k_refused where the kernel does not let us.
template <typename Work>
int traced(Work&& work) {
  Tracer tracer;
  const pid_t child = fork();
  if (child == 0) {
    tracer.trace_me();
    _exit(work());
  }
  const bool is_traced = tracer.attach();
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    pollfd held{tracer.descriptor(), POLLIN, 0};
    if (poll(&held, 1, 10) > 0 && (held.revents & POLLIN) != 0) tracer.answer();
  }
  if (!is_traced) return k_refused;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr size_t k_bytes = 1 << 16;

void map_and_unmap() {
  void* const block = mmap(nullptr, k_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(block, k_bytes);
}

TEST(Tracer, CountsEachCallByItsName) {
  const int status = traced([] {
    const KernelCalls before = kernel_calls_so_far();
    for (int i = 0; i < 3; i++) map_and_unmap();
    madvise(nullptr, 0, MADV_NORMAL);
    syscall(SYS_process_madvise, -1, nullptr, 0, 0, 0);
    syscall(SYS_brk, 0);
    mprotect(nullptr, 0, PROT_READ);
    getppid();
    const KernelCalls calls = kernel_calls_so_far().since(before);
    const bool right = calls[KernelCall::mmap] == 3 && calls[KernelCall::munmap] == 3 &&
                       calls[KernelCall::madvise] == 2 && calls[KernelCall::brk] == 1 &&
                       calls[KernelCall::mprotect] == 1 && calls[KernelCall::mremap] == 0;
    return calls.is_known && right ? 0 : 1;
  });
  if (status == k_refused) GTEST_SKIP() << "no seccomp listener here";
  EXPECT_EQ(status, 0);
}

TEST(Tracer, LetsACallDoWhatItDoes) {
  const int status = traced([] {
    void* const block =
        mmap(nullptr, k_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static_cast<char*>(block)[k_bytes - 1] = 1;
    return munmap(block, k_bytes) == 0 && madvise(block, 1, -1) == -1 ? 0 : 1;
  });
  if (status == k_refused) GTEST_SKIP() << "no seccomp listener here";
  EXPECT_EQ(status, 0);
}

TEST(Tracer, FollowsThreadsAndChildren) {
  const int status = traced([] {
    const KernelCalls before = kernel_calls_so_far();
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 100; i++) map_and_unmap();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    const uint64_t in_child = kernel_calls_so_far().since(before)[KernelCall::munmap];
    std::thread([] {
      for (int i = 0; i < 100; i++) map_and_unmap();
    }).join();
    const uint64_t in_both = kernel_calls_so_far().since(before)[KernelCall::munmap];
    return in_child == 100 && in_both >= 200 ? 0 : 1;
  });
  if (status == k_refused) GTEST_SKIP() << "no seccomp listener here";
  EXPECT_EQ(status, 0);
}

TEST(Tracer, IsNotKnownToAProgramThatNobodyTraces) {
  EXPECT_FALSE(kernel_calls_so_far().is_known);
}

}  // namespace
}  // namespace arenite::command
