// Warm mappings: freed mappings that are kept for the next large request, pages and all.
//
// A fresh page costs a fault, and a fifth of that again when it goes back; to move a page to
// another address costs a fiftieth of it. So what a mapped chunk leaves is not unmapped but kept,
// and a request is served by the first of these that there is:
//
//   the smallest kept range that is large enough; what it has beyond the request stays here
//   from 1 MiB on, if more is kept than the caller's slack: the largest ranges, moved one behind
//   the other into a new mapping, the rest of which is fresh
//   nothing: the caller asks the kernel
//
// The slack is room for best fit: what is moved no longer lies beside the range that it could merge
// with, so that moving makes for more moving. Neighbours merge.
//
// How much is kept is not decided here. All that comes and goes is reported to the ledger, and
// where more is retained than may be, the engine has us purge before the free returns: the largest
// range is unmapped first. Where the table is full the oldest goes.
//
// Ranges that were moved together remain several mappings to the kernel, which lets a process have
// some 65,000. The places where two meet are its "seams". A range carries an estimate of how many
// it has (a cut shares them by size), and one with more than one for each 64 KiB is not kept.
//
// One lock, under which nothing is asked of the kernel. While fork holds it frozen nothing is kept
// and nothing found.
#pragma once

#include "chunk/tuning.hpp"
#include "ledger/ledger.hpp"
#include "os/os.hpp"

namespace arenite::chunk {

// Whole pages in a row, mapped and writable.
struct PageRange {
  uintptr_t start = 0;
  size_t size = 0;
  size_t seams = 0;

  uintptr_t end() const { return start + size; }
};

class WarmMappings {
 public:
  // The caller's range: its first `dirty` bytes hold anything, the rest is zero. Of size 0 where
  // there is none.
  struct Taken {
    PageRange range;
    size_t dirty = 0;
    bool scattered = false;  // as much was kept, but not in one piece
  };

  // `size` bytes, as many of them warm as can be.
  Taken take(size_t size, size_t slack);

  // `size` bytes, all warm, without asking the kernel; of size 0 where there are not.
  PageRange take_whole(size_t size);

  // Of the range that begins at `start` the first `most` bytes, or all of it if it has no more than
  // that, but at least `least`: a mapping can grow in place. Of size 0 where it has fewer.
  PageRange take_at(uintptr_t start, size_t least, size_t most);

  // Takes a range over that was in use, to keep it or to unmap it. The caller settles afterwards.
  void give(const PageRange& range);

  // Unmaps about `bytes` bytes of the largest ranges; how many it was.
  size_t purge(size_t bytes);

  // Unmaps all; whether there was any.
  bool empty();

  // How much is kept. No lock.
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // Around fork, as an arena's lock.
  void freeze();
  void thaw();
  void restart_in_child() { lock_.forget(); }

  static constexpr unsigned k_table = 256;

 private:
  static constexpr unsigned k_most_pieces = 16;
  static constexpr unsigned k_most_victims = 8;

  // With the lock held.
  unsigned best_fit(size_t size) const;
  unsigned largest() const;
  unsigned oldest() const;
  PageRange at(unsigned index) const { return {starts_[index], sizes_[index], seams_[index]}; }
  PageRange remove(unsigned index);
  PageRange cut_front(unsigned index, size_t size);
  PageRange reuse(unsigned index, size_t size);
  PageRange evict(unsigned index, size_t size);
  void insert(PageRange range);
  unsigned choose_pieces(size_t size, size_t slack, PageRange* pieces);
  void count_bytes(size_t now) { bytes_.store(now, std::memory_order_relaxed); }

  // Without it.
  Taken join(size_t size, const PageRange* pieces, unsigned count);
  template <typename Leave>
  size_t purge(size_t bytes, Leave leave);

  os::Lock lock_;
  unsigned count_ = 0;
  uint32_t clock_ = 0;            // ticks with each range given or taken
  std::atomic<size_t> bytes_{0};  // changed under the lock
  size_t sizes_[k_table] = {};    // apart from the rest: every request goes through all of them
  uintptr_t starts_[k_table] = {};
  uint32_t given_at_[k_table] = {};
  uint32_t seams_[k_table] = {};
};

inline constinit WarmMappings g_warm_mappings;

}  // namespace arenite::chunk
