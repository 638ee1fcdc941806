// Which pages hold memory: for tests. The library itself never asks.
#pragma once

#include <sys/mman.h>
#include <vector>

#include "os/pages.hpp"

namespace arenite::os {

// Whether any page of the range was touched and has not gone back since. True where the kernel does
// not tell.
inline bool has_memory(const void* start, size_t size) {
  std::vector<unsigned char> pages((size + page_size() - 1) / page_size());
  if (mincore(const_cast<void*>(start), size, pages.data()) != 0) return true;
  for (const unsigned char page : pages) {
    if ((page & 1) != 0) return true;
  }
  return false;
}

}  // namespace arenite::os
