#include "os/pages.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

#include "os/fault.hpp"
#include "os/futex.hpp"

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
void* kernel_mremap(void* start, size_t old_size, size_t new_size, int flags) {
#ifdef __SANITIZE_THREAD__
  // This call it does not intercept. The kernel orders who leaves a place before who moves into it.
  __tsan_release(&g_page_size);
  void* moved = ::mremap(start, old_size, new_size, flags);
  __tsan_acquire(&g_page_size);
  return moved;
#else
  return ::mremap(start, old_size, new_size, flags);
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
void* kernel_mremap(void* start, size_t old_size, size_t new_size, int flags) {
  return at_address<void>(
      static_cast<uintptr_t>(syscall(SYS_mremap, start, old_size, new_size, flags)));
}
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
  size_t gone = 0;
  for (size_t i = 0; i < count; i++) {
    if (!purge(ranges[i].start, ranges[i].size)) break;
    gone += ranges[i].size;
  }
  return gone;
}

ARENITE_COLD void* map_wiped_on_fork() {
  constexpr int k_wipe_on_fork = 18;  // MADV_WIPEONFORK
  void* page = map(page_size());
  if (page == nullptr) return nullptr;
  const KeepErrno keep;
  if (syscall(SYS_madvise, page, page_size(), k_wipe_on_fork) == 0) return page;
  unmap(page, page_size());
  return nullptr;
}

void keep_small(void* start, size_t size) {
  const KeepErrno keep;
  syscall(SYS_madvise, start, size, MADV_NOHUGEPAGE);
}

bool huge_pages_are_off(const char* file) {
  const KeepErrno keep;
  const auto opened = static_cast<int>(syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC));
  if (opened < 0) return false;
  char text[64];
  const long size = syscall(SYS_read, opened, text, sizeof(text));
  syscall(SYS_close, opened);
  // "always madvise [never]": what is in force stands in brackets.
  for (long i = 0; i + 1 < size; i++) {
    if (text[i] == '[') return text[i + 1] == 'n';
  }
  return false;
}

ARENITE_COLD bool populate_huge(void* extent) {
  if (g_fault_plan.strikes(Call::huge)) return false;
  const KeepErrno keep;
  if (syscall(SYS_madvise, extent, k_huge_page, MADV_HUGEPAGE) != 0) return false;
  // The fault is a huge one because of the advice alone. The advice must not stay: the kernel would
  // fill the holes of such a range behind our back. Without it the neighbours are one mapping
  // again.
  auto* bytes = static_cast<char*>(extent);
  static_cast<volatile char*>(extent)[0] = 0;
  // Whether there was a huge page, only a call could tell that many a sandbox forbids (mincore). So
  // that it does not matter, what is missing becomes resident, too.
  if (syscall(SYS_madvise, extent, k_huge_page, k_populate_write) != 0) {
    // Other threads may be using some of it by now.
    for (size_t at = 0; at < k_huge_page; at += page_size())
      __atomic_fetch_or(bytes + at, 0, __ATOMIC_RELAXED);
  }
  syscall(SYS_madvise, extent, k_huge_page, MADV_NOHUGEPAGE);
  return true;
}

ARENITE_COLD bool collapse_huge(void* extent) {
  if (g_fault_plan.strikes(Call::huge)) return false;
  const KeepErrno keep;
  // It is refused where huge pages are advised against.
  if (syscall(SYS_madvise, extent, k_huge_page, MADV_HUGEPAGE) != 0) return false;
  const bool has_none =
      syscall(SYS_madvise, extent, k_huge_page, k_collapse) != 0 && errno == ENOMEM;
  syscall(SYS_madvise, extent, k_huge_page, MADV_NOHUGEPAGE);
  return !has_none;
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
  void* p = kernel_mremap(start, old_size, new_size, may_move ? MREMAP_MAYMOVE : 0);
  return p == MAP_FAILED ? nullptr : p;
}

ARENITE_SELDOM_LARGER bool make_plain(void* start, size_t size) {
  if (g_fault_plan.strikes(Call::make_plain)) return false;
  const KeepErrno keep;
  constexpr int k_wipe_on_fork = 18;  // 4.14, as the next
  constexpr int k_keep_on_fork = 19;
  // The first fails where something is a file's or shared, or there is a gap.
  return syscall(SYS_madvise, start, size, k_wipe_on_fork) == 0 &&
         syscall(SYS_madvise, start, size, k_keep_on_fork) == 0 &&
         syscall(SYS_madvise, start, size, MADV_DOFORK) == 0 &&
         syscall(SYS_mprotect, start, size, PROT_READ | PROT_WRITE) == 0;
}

ARENITE_SELDOM_LARGER bool is_readable(const void* p) {
  const KeepErrno keep;
  // The kernel compares the word with `expected` before it moves waiters. It is to wake none and to
  // move none, so it does nothing, whatever the word is. EFAULT says that it cannot be read.
  static constinit uint32_t nobody_waits = 0;
  constexpr uint32_t k_expected = 0;
  const uintptr_t word = align_down(address_of(p), sizeof(uint32_t));
  const long moved =
      syscall(k_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, &nobody_waits, k_expected);
  return moved >= 0 || errno != EFAULT;
}

void* move_break(ptrdiff_t delta) {
  if (delta > 0 && g_fault_plan.strikes(Call::move_break)) return nullptr;
  const KeepErrno keep;
  void* before = sbrk(delta);
  return before == at_address<void>(UINTPTR_MAX) ? nullptr : before;
}

}  // namespace arenite::os
