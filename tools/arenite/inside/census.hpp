// Census: every resident page of a target, and what it is.
//
// Of a page in which blocks lie so much is live as these take, and the rest is pinned: free, but
// the page cannot go. What is neither the library's nor a stack's goes by the mapping's name. All
// is counted from the page tables, so the sum is what the kernel should say; what it says besides
// is unexplained.
#pragma once

#include <map>

#include "inside/look.hpp"

namespace arenite::inside {

struct Census {
  struct Size {
    size_t blocks = 0;
    size_t bytes = 0;  // as far as they are resident
  };

  size_t rss = 0;  // the kernel's figure; of a core file the sum
  size_t live = 0;
  std::map<size_t, Size> live_by_size;  // of blocks; those of more than 8 KiB by powers of two
  size_t pinned = 0;
  size_t pinning_pages = 0;
  size_t free_pages = 0;  // wholly free ones in the heap, and mappings that are kept: bytes
  size_t moving = 0;      // what changed whenever it was read
  size_t bookkeeping = 0;
  size_t library = 0;  // the shared library's own file and data
  size_t stacks = 0;
  std::map<std::string, size_t> files;
  std::map<std::string, size_t> others;

  size_t sum() const;
  // What the kernel has more than is known, or less.
  ptrdiff_t unexplained() const {
    return static_cast<ptrdiff_t>(rss) - static_cast<ptrdiff_t>(sum());
  }
};

Census take_census(Look& look);

}  // namespace arenite::inside
