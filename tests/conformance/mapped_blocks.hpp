// What the programs about mapped blocks share: who has a mapping of its own, as mallinfo2 tells it.

#pragma once

#include <malloc.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

namespace mappings {

using namespace behaviour;

inline std::size_t mapped_blocks() {
  return mallinfo2().hblks;
}

inline char* take(std::size_t size) {
  auto* p = static_cast<char*>(malloc(size));
  EXPECT(p != nullptr);
  return keep(p);
}

// From where on a block has a mapping, until somebody sets the threshold or it has moved.
inline std::size_t first_threshold() {
  return mode_is_classic() ? 128_KiB : sizeof(void*) == 8 ? 4_MiB : 512_KiB;
}

// Whether a block of this size gets a mapping now; the block is freed again if it does not.
inline bool is_mapped_on_its_own(std::size_t size) {
  const std::size_t before = mapped_blocks();
  char* p = take(size);
  p[0] = p[size - 1] = 1;
  const bool mapped = mapped_blocks() == before + 1;
  if (!mapped) free(p);
  return mapped;
}

}  // namespace mappings
