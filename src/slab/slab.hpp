// Slab: one size class's blocks in 16 KiB, and beside them, out of their reach, one bit each.
//
//   memory   | block | block | block | ...                       | rest |     no header, no links
//   Slab     the 64 bytes below, in the region's table of headers
//   words    a bit for each granule: 1 where a free block starts
//   remote   as many again: blocks that other threads freed and the owner has not taken yet
//
// One word of bits at a time is *active*: its blocks all count as used, and active_word tells which
// of them malloc may still hand out. So malloc finds a block with a count of trailing zeroes, a
// shift and an addition, and free puts it back by setting the bit; the other words are touched when
// the active one has run out. `summary` has a 1 for each word with a free block, `remote_summary`
// for each remote word that may not be zero.
//
// A free block's bit is 1 in exactly one of: words, remote, active_word. A used one's in none. So a
// double free is a bit that is set already (only two threads that free a block at the same moment
// can escape: DESIGN.md, section 4); and an address that begins no block fails the test of
// size_class.hpp. Freed blocks are never touched.
//
// Who may do what is the protocol in cache/cache.hpp. In short: the owner alone writes what is not
// atomic, with plain instructions; anybody may set remote bits. Because others look at them in
// passing (to catch a double free, to see that a slab is wholly free), the owner's words are read
// and written as relaxed atomics, which costs nothing.
#pragma once

#include <atomic>

#include "base/base.hpp"
#include "slab/size_class.hpp"

namespace arenite::slab {

class Owner;

ARENITE_INLINE uint64_t load(const uint64_t& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
ARENITE_INLINE void store(uint64_t& word, uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}

// The number of the lowest bit set; only where one is.
ARENITE_INLINE uint64_t lowest_bit(uint64_t bits) {
#if defined(__x86_64__)
  // As written, the compiler extends the sign of a number that has none.
  asm("rep bsfq %0, %0" : "+r"(bits) : : "cc");
  return bits;
#else
  return static_cast<uint64_t>(std::countr_zero(bits));
#endif
}

// Whether a word that others change is zero now. As written, the compiler loads it before it looks.
ARENITE_INLINE bool is_zero(const std::atomic<uint64_t>& word) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  bool zero;
  asm volatile("cmpq $0, %1" : "=@cce"(zero) : "m"(word));
  return zero;
#else
  return word.load(std::memory_order_relaxed) == 0;
#endif
}

// Sets bit number `index` modulo 64; whether it was set before.
ARENITE_INLINE bool test_and_set(uint64_t& bits, uint64_t index) {
#if defined(__x86_64__)
  bool was_set;
  asm("btsq %2, %0" : "+r"(bits), "=@ccc"(was_set) : "r"(index));
  return was_set;
#else
  const uint64_t bit = uint64_t{1} << (index % 64);
  const bool was_set = (bits & bit) != 0;
  bits |= bit;
  return was_set;
#endif
}

// Where a slab is. Changed by its owner, with the owner's lock held where it enters or leaves
// `listed`.
enum class Place : uint8_t {
  page,     // no slab at all: a free page of the region, or one never used
  current,  // its owner allocates from it
  listed,   // in its owner's list of slabs with free blocks
  full,     // nobody's, in no list
  moving,   // between two of these
};

struct alignas(64) Slab {
  std::atomic<Owner*> owner;
  uint64_t* words;
  uint64_t active_word;
  char* active_base;  // where the active word's blocks start
  std::atomic<uint64_t> remote_summary;
  uint32_t summary;
  uint32_t inverse;
  uint32_t block_count;  // 0: a page that is no slab
  // Odd while the active word changes. With 16 bits it came round within what a thread can sleep.
  uint32_t claims;
  uint16_t first_start;  // of its class in the table of starts
  uint8_t shift;
  uint8_t active;  // the active word's number, or k_no_word
  uint8_t size_class;
  std::atomic<Place> place;

  static constexpr uint8_t k_no_word = 0xff;

  // The next block of the active word; only if that is not zero.
  ARENITE_INLINE void* pop(uint64_t word) {
    store(active_word, word & (word - 1));
    return active_base + (lowest_bit(word) << shift);
  }

  // The granule of the block that starts `offset` bytes into the slab; only if is_start(offset).
  ARENITE_INLINE uint32_t granule(uint32_t offset) const { return offset >> shift; }
  ARENITE_INLINE bool is_start(uint32_t offset) const {
    return std::rotr(offset * inverse, shift) < block_count;
  }
  uint32_t size() const { return info(size_class).size; }
};
#if UINTPTR_MAX > UINT32_MAX
static_assert(sizeof(Slab) == 64);
#endif
static_assert(k_most_words <= 32, "a summary has 32 bits");

// No slab: what a thread without one of a class allocates from, and finds empty.
[[gnu::visibility("hidden")]] inline constinit Slab g_no_slab{};

}  // namespace arenite::slab
