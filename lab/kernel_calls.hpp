// How often this process has asked the kernel for memory or given some back, as its tracer counts.
//
// A program cannot count its allocator's system calls; `arenite lab`, which started it, can: it has
// put a filter on the program that holds each such call until it is counted (tools/arenite/tracer).
// The same filter holds one call that the kernel does not know, prctl(k_ask_tracer, which): its
// answer is the count. So a figure is asked for where it is needed, in the order of things, and a
// program that nobody traces is told that the call is unknown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace arenite::lab {

// "aren": no option of prctl() has this number.
inline constexpr int k_ask_tracer = 0x6172656e;

// In the order in which the tracer numbers them; madvise stands for process_madvise, too.
enum class KernelCall { brk, mmap, munmap, mremap, madvise, mprotect };
inline constexpr size_t k_kernel_call_count = 6;
inline constexpr std::array<const char*, k_kernel_call_count> k_kernel_call_names = {
    "brk", "mmap", "munmap", "mremap", "madvise", "mprotect"};

struct KernelCalls {
  bool is_known = false;  // false where nobody counts
  std::array<uint64_t, k_kernel_call_count> counts{};

  uint64_t operator[](KernelCall call) const { return counts[static_cast<size_t>(call)]; }
  // What was added since `earlier`.
  KernelCalls since(const KernelCalls& earlier) const;
};

// Of the whole process and of its children, since it was started. Allocates nothing.
KernelCalls kernel_calls_so_far();

}  // namespace arenite::lab
