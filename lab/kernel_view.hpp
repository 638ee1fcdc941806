// What the kernel says of this process: the figures that every experiment prints after each step.
//
// A program that measures its own memory must not move what it measures. So nothing here allocates,
// and nothing uses stdio: /proc is read with read() through one static buffer, line by line, and
// the figures are picked out of the text where they lie.
//
//   /proc/self/status   VmRSS, VmSize, VmData
//   /proc/self/smaps    per mapping: a header line (range, rights, inode, name), then "Rss: n kB"
//   getrusage()         minor page faults: a page was given without reading a disk
//
// The kernel counts VmRSS in batches per thread and may be some 100 KiB behind; smaps walks the
// page tables and is exact. Not for several threads at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arenite::lab {

struct KernelView {
  uint64_t resident_bytes = 0;  // VmRSS: pages in memory
  uint64_t virtual_bytes = 0;   // VmSize: addresses in use, touched or not
  uint64_t data_bytes = 0;      // VmData: those of them that are writable and the process's own
  uint64_t heap_start = 0;      // [heap]: where it begins, an address
  uint64_t heap_bytes = 0;      // what brk() has moved
  uint64_t heap_resident_bytes = 0;
  uint64_t anonymous_maps = 0;  // mappings without a file, [heap] and stacks left out
  uint64_t anonymous_bytes = 0;
  uint64_t anonymous_resident_bytes = 0;
};

// Whether an address lies in [heap], as it was when it was looked at.
inline bool is_in_heap(const KernelView& view, const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  return at >= view.heap_start && at - view.heap_start < view.heap_bytes;
}

// Bytes in memory of what the process made itself: exact, and without the program's own pages.
inline uint64_t own_resident_bytes(const KernelView& view) {
  return view.heap_resident_bytes + view.anonymous_resident_bytes;
}

// False where /proc cannot be read; `view` is then incomplete.
bool read_kernel_view(KernelView& view);

// Minor page faults since the process began.
uint64_t minor_faults_so_far();

}  // namespace arenite::lab
