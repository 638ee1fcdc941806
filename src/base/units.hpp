// Words, alignments and sizes.
//
// Every size in this library is in bytes and a size_t, unless its name says pages or count.
// Addresses are uintptr_t when they are reckoned with and pointers when something lives there; only
// the functions below turn one into the other.
#pragma once

#include <cstddef>
#include <cstdint>

namespace arenite {

// One word: the unit of a chunk's header fields (ptmalloc's SIZE_SZ).
inline constexpr size_t k_word = sizeof(size_t);
inline constexpr bool k_is_64_bit = k_word == 8;

inline constexpr size_t k_kib = 1024;
inline constexpr size_t k_mib = 1024 * k_kib;

// PTRDIFF_MAX: no object is larger, or pointers into it could not be subtracted.
inline constexpr size_t k_largest_request = SIZE_MAX / 2;

constexpr bool is_power_of_two(size_t n) {
  return n != 0 && (n & (n - 1)) == 0;
}

// `alignment` must be a power of two.
constexpr uintptr_t align_down(uintptr_t n, size_t alignment) {
  return n & ~(alignment - 1);
}
// Wraps where n is within one alignment of the end of the address space: check the size first.
constexpr uintptr_t align_up(uintptr_t n, size_t alignment) {
  return align_down(n + alignment - 1, alignment);
}
constexpr bool is_aligned(uintptr_t n, size_t alignment) {
  return (n & (alignment - 1)) == 0;
}

inline uintptr_t address_of(const void* p) {
  return reinterpret_cast<uintptr_t>(p);
}
template <typename T = char>
T* at_address(uintptr_t a) {
  return reinterpret_cast<T*>(
      a);  // NOLINT(performance-no-int-to-ptr): this is the one place for it
}
// The thing `bytes` beyond (or before) p.
template <typename T = char>
T* beyond(const void* p, ptrdiff_t bytes) {
  return at_address<T>(address_of(p) + static_cast<uintptr_t>(bytes));
}

// Bits set in a word, without the instruction that the oldest processors lack.
constexpr uint32_t count_bits(uint64_t w) {
  w -= w >> 1 & 0x5555555555555555;
  w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
  w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<uint32_t>(w * 0x0101010101010101 >> 56);
}

#define ARENITE_LIKELY(x) __builtin_expect(!!(x), 1)
#define ARENITE_UNLIKELY(x) __builtin_expect(!!(x), 0)
// What hardly any process runs: made small, and apart from the rest (cold.ld).
#define ARENITE_COLD [[gnu::cold, gnu::noinline]]
// What runs in every process, or in many, but seldom: small, and with the rest.
#define ARENITE_SELDOM [[gnu::cold, gnu::noinline, gnu::section(".text.seldom")]]
// What many processes run, but no small one with a single thread that only takes and frees: as fast
// as the rest, or small, and apart from it. Here what threads and rare kinds of requests need; next
// what a process runs once it is larger, or resizes blocks.
#define ARENITE_APART [[gnu::noinline, gnu::section(".text.apart")]]
#define ARENITE_SELDOM_APART [[gnu::cold, gnu::noinline, gnu::section(".text.apart")]]
#define ARENITE_LARGER [[gnu::noinline, gnu::section(".text.larger")]]
#define ARENITE_SELDOM_LARGER [[gnu::cold, gnu::noinline, gnu::section(".text.larger")]]
#define ARENITE_INLINE [[gnu::always_inline]] inline

}  // namespace arenite
