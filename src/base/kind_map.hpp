// What stands at an address: one byte for each granule of address space.
//
// Heaps and regions of slabs or spans are whole, aligned granules of HEAP_MAX_SIZE bytes (64 MiB;
// 1 MiB on 32-bit), as in ptmalloc2. So one load tells whether a pointer can be a heap's, without
// touching what it points to. The table covers all of the user's address space; the kernel backs
// only the page or two of it that are written.
//
// An entry is written by whoever maps or unmaps that granule, who alone owns it then, and may be
// read by anyone: a pointer into the granule can only be held by one who was given it later.
#pragma once

#include <bit>
#include <cstdint>

#include "base/units.hpp"

namespace arenite {

inline constexpr size_t k_granule = k_is_64_bit ? 64 * k_mib : k_mib;

// Slab regions are of the second kind where the operators of C++ are to go by malloc and free, by
// name (api/names.hpp): operator delete takes back the first kind's blocks at once, free both.
enum class Kind : uint8_t { none, chunk_heap, span_region, slab_region, slab_region_by_name };

constexpr bool is_slab_region(Kind kind) {
  return kind >= Kind::slab_region;
}

class KindMap {
 public:
  Kind at(const void* p) const {
    uintptr_t index = address_of(p) / k_granule;
    asm("" : "+r"(index));  // or it is compared by another shift of p
    // A wild pointer may lie beyond the user's half of the address space.
    return ARENITE_LIKELY(index < k_entries)
               ? static_cast<Kind>(__atomic_load_n(&kinds_[index], __ATOMIC_RELAXED))
               : Kind::none;
  }
  // The two below are false also where p is no multiple of 16: rotated, such an address is beyond
  // the map, so one comparison serves both. at(p) == kind, in few instructions: the compiler would
  // load the entry before it looks at it.
  ARENITE_INLINE bool is(const void* p, Kind kind) const {
    const uintptr_t index = index_if_aligned(p);
    if (ARENITE_UNLIKELY(index >= k_entries)) return false;
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)  // unoptimised, `kind` is no constant
    bool same;
    asm volatile("cmpb %2, %1" : "=@cce"(same) : "m"(kinds_[index]), "i"(kind));
    return same;
#else
    return static_cast<Kind>(__atomic_load_n(&kinds_[index], __ATOMIC_RELAXED)) == kind;
#endif
  }
  // at(p) >= kind, likewise.
  ARENITE_INLINE bool is_at_least(const void* p, Kind kind) const {
    const uintptr_t index = index_if_aligned(p);
    if (ARENITE_UNLIKELY(index >= k_entries)) return false;
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)
    bool same_or_more;
    asm volatile("cmpb %2, %1" : "=@ccae"(same_or_more) : "m"(kinds_[index]), "i"(kind));
    return same_or_more;
#else
    return static_cast<Kind>(__atomic_load_n(&kinds_[index], __ATOMIC_RELAXED)) >= kind;
#endif
  }
  void set(const void* granule, Kind kind) {
    __atomic_store_n(&kinds_[address_of(granule) / k_granule], static_cast<uint8_t>(kind),
                     __ATOMIC_RELAXED);
  }

 private:
  static uintptr_t index_if_aligned(const void* p) {
    uintptr_t index = std::rotr(address_of(p), 4) / (k_granule / 16);
    asm("" : "+r"(index));  // or it is compared by another shift of p
    return index;
  }

#if defined(__x86_64__)
  static constexpr uintptr_t k_entries = (uintptr_t{1} << 47) / k_granule;
#elif UINTPTR_MAX > UINT32_MAX
  static constexpr uintptr_t k_entries = (uintptr_t{1} << 48) / k_granule;
#else
  static constexpr uintptr_t k_entries = UINTPTR_MAX / k_granule + 1;
#endif
  uint8_t kinds_[k_entries] = {};
};

inline constinit KindMap g_kind_map;

}  // namespace arenite
