// What each setting changes, measured from outside. A case sets one thing, then looks at one of
// these in a process that is otherwise fresh.

#pragma once

#include <malloc.h>
#include <pthread.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"
#include "threads.hpp"

namespace effects {

using namespace behaviour;

constexpr int k_default_mxfast = 64 * sizeof(std::size_t) / 4;

inline void* take(std::size_t size) {
  void* p = malloc(size);
  EXPECT(p != nullptr);
  return keep(p);
}

// M_MXFAST: whether a freed block of this size goes to a fast bin.
inline bool goes_to_a_fast_bin(std::size_t size) {
  void* p = take(size);
  take(16);
  const std::size_t before = mallinfo2().smblks;
  free(p);
  return mallinfo2().smblks == before + 1;
}

inline void expect_fast_bins_up_to(std::size_t largest) {
  for (std::size_t size = 24; size <= 200; size += 16) {
    // `largest` is the largest request; a chunk is rounded up to a multiple of 16.
    const std::size_t chunk = size + sizeof(std::size_t);
    const bool expected = chunk <= (largest + sizeof(std::size_t)) / 16 * 16;
    if (goes_to_a_fast_bin(size) != expected)
      fail(__FILE__, __LINE__, "%zu bytes %s a fast bin, with a limit of %zu", size,
           expected ? "do not go to" : "go to", largest);
  }
}

// M_TRIM_THRESHOLD: how far the break comes down when this many bytes are freed at the top.
inline std::size_t break_falls_by(std::size_t bytes) {
  // In default mode arenas have blocks of this size only where slabs do not serve.
  const std::size_t size = mode_is_classic() ? 50000 : 8000;
  static void* blocks[2000];
  const std::size_t count = bytes / size;
  take(1);
  for (std::size_t i = 0; i < count; ++i) blocks[i] = take(size);
  const std::uintptr_t high = program_break();
  for (std::size_t i = 0; i < count; ++i) free(blocks[i]);
  return high - program_break();
}

// M_TOP_PAD: how far the break rises for one request that the top cannot serve: the pad, and what
// of the request the rest of the top does not cover.
inline std::size_t break_rises_by(std::size_t request) {
  for (;;) {
    const std::uintptr_t before = program_break();
    take(request);
    if (program_break() != before) return program_break() - before;
  }
}

// M_MMAP_THRESHOLD and M_MMAP_MAX.
inline bool is_mapped_on_its_own(std::size_t size) {
  const std::size_t before = mallinfo2().hblks;
  void* p = take(size);
  const bool mapped = mallinfo2().hblks == before + 1;
  if (!mapped) free(p);
  return mapped;
}

inline std::size_t mapped_of(int requests) {
  for (int i = 0; i < requests; ++i) take(5_MiB);
  return mallinfo2().hblks;
}

// The least power of two from which on a block gets its own mapping.
inline std::size_t size_mapped_from() {
  for (std::size_t size = 512; size <= 64_MiB; size *= 2) {
    const std::size_t enough = size < 16_KiB ? 320_KiB / size : 20;
    for (std::size_t i = 0; i < enough; ++i) {  // the heap's rest may serve the first few
      const std::size_t before = mallinfo2().hblks;
      take(size);
      if (mallinfo2().hblks > before) return size;
    }
  }
  return 0;
}

// M_PERTURB.
inline bool fresh_memory_is(unsigned char byte) {
  for (const std::size_t size : {std::size_t{24}, std::size_t{1000}, std::size_t{30000}, 1_MiB})
    if (!all_bytes_are(take(size), size, byte)) return false;
  return true;
}

}  // namespace effects
