// Slab: one size class's blocks in 16 KiB, and what is known of them, beside them, out of their
// reach.
//
//   memory   | block | block | block | ...                       | rest |     no header, no links
//   Slab     the 64 bytes below, in the region's table of headers
//   words    a bit for each granule: 1 where a free block starts that is in no magazine
//   used     a bit for each 16 bytes: 1 where a block starts that is handed out
//   marks    a byte for each block: 1 where another thread freed it and the owner has not taken it
//            yet, 2 where that thread keeps it
//
// A block is in one of five states:
//
//              used  mark  word
//   handed out    1     0     0
//   marked        1     1     0   freed by another thread than the owner
//   kept          1     2     0   likewise, and in that thread's magazine
//   magazine      0     0     0   the owner's, to be handed out next (cache/magazine.hpp)
//   free          0     0     1   in the slab
//
// `used` alone says whether an address may be freed: it is 0 for what begins no block. So a double
// free and a foreign start are one test. Freed blocks are never touched.
//
// Who may do what is the protocol in cache/cache.hpp. In short: `used` is the owner's, who writes
// it with plain instructions; words, summary and free_count are changed with the owner's lock held,
// for many blocks at once; a mark is set by whoever frees the block, and cleared by the owner, or
// by who keeps it. Others look at all of them in passing, so they are read and written as relaxed
// atomics, which costs nothing.
#pragma once

#include <atomic>
#include <cstddef>

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

// Whether a byte that others change is zero now. As written, the compiler loads it before it looks.
ARENITE_INLINE bool is_zero(const std::atomic<uint8_t>& byte) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  bool zero;
  asm volatile("cmpb $0, %1" : "=@cce"(zero) : "m"(byte));
  return zero;
#else
  return byte.load(std::memory_order_relaxed) == 0;
#endif
}

// What a block's mark says, where it is not 0.
inline constexpr uint8_t k_marked = 1;
inline constexpr uint8_t k_kept = 2;

// Clears bit number `index` modulo 64; whether it was set before.
ARENITE_INLINE bool test_and_reset(uint64_t& bits, uint64_t index) {
#if defined(__x86_64__)
  bool was_set;
  asm("btrq %2, %0" : "+r"(bits), "=@ccc"(was_set) : "r"(index));
  return was_set;
#else
  const uint64_t bit = uint64_t{1} << (index % 64);
  const bool was_set = (bits & bit) != 0;
  bits &= ~bit;
  return was_set;
#endif
}

// Sets bit number `index` modulo 64.
ARENITE_INLINE void set_bit(uint64_t& bits, uint64_t index) {
#if defined(__x86_64__)
  asm("btsq %1, %0" : "+r"(bits) : "r"(index) : "cc");
#else
  bits |= uint64_t{1} << (index % 64);
#endif
}

// Where a slab is. Changed with its owner's lock held, but for a slab without an owner.
enum class Place : uint8_t {
  page,    // no slab at all: a free page of the region, or one never used
  listed,  // in its owner's list of slabs with free blocks
  full,    // none is free: in its owner's list of such, or nobody's and in no list
  moving,  // between two of these
  mixed,   // no slab but a mixed page (mixed.hpp)
};

struct alignas(64) Slab {
  std::atomic<Owner*> owner;
  uint32_t block_count;  // 0: a page that is no slab
  uint32_t inverse;
  // How often blocks were taken out: who looks for what is not used for a while goes by it.
  uint32_t takes;
  uint16_t summary;     // a 1 for each word that is not 0
  uint16_t free_count;  // bits set in the words
  uint16_t heap;        // of a mixed page (mixed.hpp)
  uint8_t shift;
  uint8_t size_class;
  // Not 0: some of remote_lines may not be 0 either; and of those: some of 64 blocks are marked.
  std::atomic<uint8_t> has_remote;
  // Not 0: blocks are kept by others, or were since this page became a slab.
  std::atomic<uint8_t> has_kept;
  std::atomic<Place> place;
  // Not 0: its thread has left it, as it ended or slept, and no other has it yet. For who chooses.
  std::atomic<uint8_t> is_left;
  std::atomic<uint8_t> remote_lines[k_most_words];

  // The granule of the block that starts `offset` bytes into the slab; only if is_start(offset).
  ARENITE_INLINE uint32_t granule(uint32_t offset) const { return offset >> shift; }
  // And its number.
  ARENITE_INLINE uint32_t number(uint32_t offset) const {
    return std::rotr(offset * inverse, shift);
  }
  bool is_start(uint32_t offset) const { return number(offset) < block_count; }
  uint32_t size() const { return info(size_class).size; }
};
static_assert(sizeof(Slab) == 64);
static_assert(offsetof(Slab, has_kept) == offsetof(Slab, has_remote) + 1);
static_assert(k_most_words <= 16, "a summary has 16 bits");

// Whether no other thread has freed a block that the owner has not taken back, as far as it knows.
ARENITE_INLINE bool is_owners_alone(const Slab* slab) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  bool is;
  asm volatile("cmpw $0, %1"
               : "=@cce"(is)
               : "m"(*reinterpret_cast<const uint16_t*>(&slab->has_remote)));
  return is;
#else
  return is_zero(slab->has_remote) && is_zero(slab->has_kept);
#endif
}

}  // namespace arenite::slab
