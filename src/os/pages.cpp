#include "os/pages.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>

#include "os/fault.hpp"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace arenite::os {
namespace {

constinit std::atomic<size_t> g_page_size{0};

// errno belongs to the program: a failed call of ours must not show in it.
class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

// A sanitizer follows the address space by intercepting libc's calls: under one we go through them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void* kernel_mmap(void* at, size_t size, int protection, int flags) {
  return ::mmap(at, size, protection, flags, -1, 0);
}
int kernel_munmap(void* start, size_t size) {
  return ::munmap(start, size);
}
void* kernel_mremap(void* start, size_t old_size, size_t new_size, int flags, void* to) {
#ifdef __SANITIZE_THREAD__
  // This call it does not intercept. The kernel orders who leaves a place before who moves into it.
  __tsan_release(&g_page_size);
  void* moved = ::mremap(start, old_size, new_size, flags, to);
  __tsan_acquire(&g_page_size);
  return moved;
#else
  return ::mremap(start, old_size, new_size, flags, to);
#endif
}
#else
void* kernel_mmap(void* at, size_t size, int protection, int flags) {
#ifdef SYS_mmap2
  return at_address<void>(
      static_cast<uintptr_t>(syscall(SYS_mmap2, at, size, protection, flags, -1, 0)));
#else
  return at_address<void>(
      static_cast<uintptr_t>(syscall(SYS_mmap, at, size, protection, flags, -1, 0)));
#endif
}
int kernel_munmap(void* start, size_t size) {
  return static_cast<int>(syscall(SYS_munmap, start, size));
}
void* kernel_mremap(void* start, size_t old_size, size_t new_size, int flags, void* to) {
  return at_address<void>(
      static_cast<uintptr_t>(syscall(SYS_mremap, start, old_size, new_size, flags, to)));
}
#endif

#ifdef MAP_FIXED_NOREPLACE
constexpr int k_no_replace = MAP_FIXED_NOREPLACE;
#else
constexpr int k_no_replace = 0;
#endif
// Names the calling process where a file descriptor of one is wanted.
constexpr int k_pidfd_self = -10001;
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
constexpr int k_collapse = 25;        // MADV_COLLAPSE
constexpr int k_populate_write = 23;  // MADV_POPULATE_WRITE, 5.14
constexpr int k_anonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

}  // namespace

size_t page_size() {
  size_t size = g_page_size.load(std::memory_order_relaxed);
  if (ARENITE_UNLIKELY(size == 0)) {
    size = getauxval(AT_PAGESZ);
    if (size == 0) size = 4096;
    g_page_size.store(size, std::memory_order_relaxed);
  }
  return size;
}

void* map(size_t size) {
  if (g_fault_plan.strikes(Call::map)) return nullptr;
  const KeepErrno keep;
  // Without MAP_NORESERVE: under strict overcommit the refusal must come now, not at the first
  // touch.
  void* p = kernel_mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  return p == MAP_FAILED ? nullptr : p;
}

void* reserve(size_t size, size_t alignment) {
  if (g_fault_plan.strikes(Call::map)) return nullptr;
  const KeepErrno keep;
  // With luck the kernel puts it right: heaps made one after another often lie side by side.
  void* p = kernel_mmap(nullptr, size, PROT_NONE, k_anonymous);
  if (p == MAP_FAILED) return nullptr;
  if (is_aligned(address_of(p), alignment)) return p;
  kernel_munmap(p, size);
  p = kernel_mmap(nullptr, size + alignment, PROT_NONE, k_anonymous);
  if (p == MAP_FAILED) return nullptr;
  const uintptr_t start = address_of(p);
  const uintptr_t aligned = align_up(start, alignment);
  // A refused unmap leaves unused address space behind: no memory, nothing lost but room.
  if (aligned != start) kernel_munmap(p, aligned - start);
  const size_t behind = start + alignment - aligned;
  if (behind != 0) kernel_munmap(at_address(aligned + size), behind);
  return at_address<void>(aligned);
}

bool commit(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::commit)) return false;
  const KeepErrno keep;
  return syscall(SYS_mprotect, start, size, PROT_READ | PROT_WRITE) == 0;
}

ARENITE_COLD bool decommit(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::decommit)) return false;
  const KeepErrno keep;
  return kernel_mmap(start, size, PROT_NONE, k_anonymous | MAP_FIXED) == start;
}

ARENITE_SELDOM_LARGER bool purge(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::purge)) return false;
  const KeepErrno keep;
  return syscall(SYS_madvise, start, size, MADV_DONTNEED) == 0;
}

ARENITE_SELDOM_LARGER size_t purge(const PurgeRange* ranges, size_t count) {
  static_assert(sizeof(PurgeRange) == sizeof(iovec));
  const KeepErrno keep;
  size_t gone = 0;
  size_t done = 0;
  if (count > 1 && count <= k_most_purge_ranges && !g_fault_plan.strikes(Call::purge_many)) {
    const long n = syscall(SYS_process_madvise, k_pidfd_self, ranges, count, MADV_DONTNEED, 0);
    // It may stop early.
    for (size_t left = n > 0 ? static_cast<size_t>(n) : 0;
         done < count && left >= ranges[done].size; done++) {
      left -= ranges[done].size;
      gone += ranges[done].size;
    }
  }
  for (; done < count; done++) {
    if (!purge(ranges[done].start, ranges[done].size)) break;
    gone += ranges[done].size;
  }
  return gone;
}

void keep_small(void* start, size_t size) {
  const KeepErrno keep;
  syscall(SYS_madvise, start, size, MADV_NOHUGEPAGE);
}

ARENITE_COLD bool populate_huge(void* extent) {
  if (g_fault_plan.strikes(Call::huge)) return false;
  const KeepErrno keep;
  if (syscall(SYS_madvise, extent, k_huge_page, MADV_HUGEPAGE) != 0) return false;
  // The fault is a huge one because of the advice alone. The advice must not stay: the kernel would
  // fill the holes of such a range behind our back. Without it the neighbours are one mapping
  // again.
  *static_cast<volatile char*>(extent) = 0;
  syscall(SYS_madvise, extent, k_huge_page, MADV_NOHUGEPAGE);
  // What no advice tells: whether there was a huge page.
  unsigned char is_resident = 0;
  void* last = beyond<void>(extent, static_cast<ptrdiff_t>(k_huge_page - page_size()));
  return syscall(SYS_mincore, last, page_size(), &is_resident) == 0 && (is_resident & 1) != 0;
}

ARENITE_COLD void collapse_huge(void* extent) {
  if (g_fault_plan.strikes(Call::huge)) return;
  const KeepErrno keep;
  // It is refused where huge pages are advised against.
  if (syscall(SYS_madvise, extent, k_huge_page, MADV_HUGEPAGE) != 0) return;
  syscall(SYS_madvise, extent, k_huge_page, k_collapse);
  syscall(SYS_madvise, extent, k_huge_page, MADV_NOHUGEPAGE);
}

ARENITE_SELDOM_LARGER void populate(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::populate)) return;
  const KeepErrno keep;
  syscall(SYS_madvise, start, size, k_populate_write);
}

ARENITE_LARGER bool unmap(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::unmap)) return false;
  const KeepErrno keep;
  return kernel_munmap(start, size) == 0;
}

ARENITE_SELDOM_LARGER void* remap(void* start, size_t old_size, size_t new_size, bool may_move) {
  if (g_fault_plan.strikes(Call::remap)) return nullptr;
  const KeepErrno keep;
  void* p = kernel_mremap(start, old_size, new_size, may_move ? MREMAP_MAYMOVE : 0, nullptr);
  return p == MAP_FAILED ? nullptr : p;
}

ARENITE_SELDOM_LARGER Moved move_pages(void* from, size_t size, void* to, bool is_one) {
  if (g_fault_plan.strikes(Call::remap)) return Moved::no;
  const KeepErrno keep;
  if (kernel_mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) return Moved::yes;
  // EFAULT is how older kernels refuse several mappings, before they move any.
  if (!is_one && errno != EFAULT) return Moved::lost;
  // The kernel clears the place before it looks at what is to come there. Closing the gap must not
  // take away what another thread has mapped into it since.
  void* again =
      kernel_mmap(to, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | k_no_replace);
  if (again == to) return Moved::no;
  // A kernel older than the flag takes the address for a wish.
  if (again != MAP_FAILED) kernel_munmap(again, size);
  return Moved::gap;
}

ARENITE_COLD bool has_memory(const void* start, size_t size) {
  const KeepErrno keep;
  constexpr size_t k_pages = 1024;
  unsigned char resident[k_pages];
  const auto* from = static_cast<const char*>(start);
  const size_t step = k_pages * page_size();
  for (size_t at = 0; at < size; at += step) {
    const size_t length = size - at < step ? size - at : step;
    // What is not ours to ask is EFAULT or ENOMEM.
    if (syscall(SYS_mincore, from + at, length, resident) != 0) return true;
    for (size_t i = 0; i < length / page_size(); i++) {
      if ((resident[i] & 1) != 0) return true;
    }
  }
  return false;
}

ARENITE_SELDOM_LARGER bool is_readable(const void* p) {
  if (p == nullptr) return false;  // to the kernel that means: no mask
  const KeepErrno keep;
  // The kernel copies the new signal mask before it looks at what is to be done with it, which here
  // is nothing it knows: EINVAL means it could read, EFAULT that it could not.
  constexpr size_t k_kernel_mask_size = 8;
  constexpr int k_no_such_operation = -1;
  syscall(SYS_rt_sigprocmask, k_no_such_operation, p, nullptr, k_kernel_mask_size);
  return errno != EFAULT;
}

void* move_break(ptrdiff_t delta) {
  if (delta > 0 && g_fault_plan.strikes(Call::move_break)) return nullptr;
  const KeepErrno keep;
  void* before = sbrk(delta);
  return before == at_address<void>(UINTPTR_MAX) ? nullptr : before;
}

}  // namespace arenite::os
