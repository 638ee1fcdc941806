// Kept: mappings of freed blocks that wait for the next large request, pages and all.
//
// Each is whole pages in a row in one mapping of the kernel's, all of which hold memory, and plain:
// what the program had done to its pages was undone (large.cpp). They are never joined, so that
// there are no more mappings than blocks in use and ranges here, 128 at most. A request takes the
// smallest that holds it, else the largest, which the kernel then makes larger.
//
// How much is kept is not decided here: the ledger is told by who puts in and takes out, and the
// engine purges. One lock, under which nothing is asked of the kernel, and one pass over the 128.
// While fork holds it frozen nothing is kept and nothing found.
#pragma once

#include "large/table.hpp"
#include "os/os.hpp"

namespace arenite::large {

class Kept {
 public:
  // What is smaller is not kept: its pages cost no more than the calls.
  static constexpr size_t k_least = 32 * k_kib;

  // Takes out the smallest range of `size` bytes or more; without one, the largest. Of size 0 where
  // there is none.
  Range take(size_t size);
  // The smallest of `size` bytes or more that begins at a multiple of `align`, or none.
  Range take_aligned(size_t size, size_t align);
  // The same as take(size), but only one that has room.
  Range take_fitting(size_t size) { return take_aligned(size, 1); }
  // The largest.
  Range take_largest() { return take(SIZE_MAX); }

  // False, and nothing kept, while it is frozen. Where there is no room for it another goes: the
  // one that was kept longest, which is the caller's then.
  bool put(const Range& range, Range& victim);

  // How much is kept. No lock.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Around fork, as an arena's lock.
  void freeze();
  void thaw();
  void restart_in_child() { lock_.forget(); }

  static constexpr unsigned k_most = 128;

 private:
  static constexpr unsigned k_none = ~0U;

  // With the lock held.
  unsigned find(size_t size, size_t align, bool or_largest) const;
  Range remove(unsigned index);

  os::Lock lock_;
  unsigned count_ = 0;
  uint32_t clock_ = 0;            // ticks with each range put in
  std::atomic<size_t> bytes_{0};  // changed under the lock
  size_t sizes_[k_most] = {};     // apart from the rest: every request goes through all of them
  uintptr_t starts_[k_most] = {};
  uint32_t put_at_[k_most] = {};
};

inline constinit Kept g_kept;

}  // namespace arenite::large
