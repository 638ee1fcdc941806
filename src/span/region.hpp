// Region: 64 MiB of address space (1 MiB on 32-bit) for blocks, and its record, a mapping of its
// own with a stretch without access at both ends. Nothing of ours lies beside what programs write.
//
//   region   ┌──────────────────────────────┬──────────────────────────┬───────┐
//            │ committed: runs              │ reserve: never committed │ guard │
//            └──────────────────────────────┴──────────────────────────┴───────┘
//   unit     0                          reserve_begin                 end   k_units
//
//   record   ┌───────┬────────────────────────────────┬───────┐
//            │ guard │ state, page bits, fence, words │ guard │
//            └───────┴────────────────────────────────┴───────┘
//
// A record is never unmapped: a region that goes leaves it, with its number, to the next. So
// whoever follows a wild pointer in the moment at which its region goes reads words of zero, and is
// refused.
//
// The reserve is a used run of nobody's, of length 0 once all is committed: so it fences the runs.
// It has its first word and no last one: behind it is nobody who would look, and far words would
// cost a page of memory.
#pragma once

#include "span/page_bits.hpp"
#include "span/run.hpp"

namespace arenite::span {

class Heap;

struct Region {
  // Whether it is without a block as far as it is committed; `reset`: and its words were given
  // back since.
  enum class Vacancy : uint8_t { no, yes, reset };

  Heap* heap;
  uintptr_t base;
  Region* next_vacant;
  uint32_t number;
  uint32_t reserve_begin;  // at a page's border
  uint32_t end;
  Vacancy vacancy;
  PageBits dirty;
  std::atomic<Word> fence;  // the last word of what is before the first run
  std::atomic<Word> words[k_units];

  ARENITE_INLINE Word word(uint32_t unit) const {
    return words[unit].load(std::memory_order_relaxed);
  }
  ARENITE_INLINE void set(uint32_t unit, Word w) {
    words[unit].store(w, std::memory_order_relaxed);
  }
  // The last word of the run that ends there.
  ARENITE_INLINE Word last_word_before(uint32_t unit) const {
    return (unit == 0 ? fence : words[unit - 1]).load(std::memory_order_relaxed);
  }
  ARENITE_INLINE void set_used(uint32_t unit, uint32_t length, Word flags) {
    set(unit + length - 1, length | k_used_end);
    set(unit, length | k_used | flags);
  }
  char* memory(uint32_t unit) const {
    return at_address(base + (static_cast<size_t>(unit) << k_unit_shift));
  }
  // The unit at which an address in the region is; whether it is that unit's first byte.
  ARENITE_INLINE static uint32_t unit_at(const void* p) {
    return static_cast<uint32_t>(address_of(p) % k_granule >> k_unit_shift);
  }
  ARENITE_INLINE static bool is_at_unit(const void* p) { return address_of(p) % k_unit == 0; }

  // Around an address; nullptr where there is no region. Any address, without touching it.
  ARENITE_INLINE static Region* around(const void* p);

  // A fresh record, all zero; nullptr where there is no memory for it.
  static Region* map_record();
  static void unmap_record(Region* record);
  // Address space for the region; false, and nothing has changed, where there is none.
  bool reserve(uint32_t page_units);
  // Makes addresses lead to the record, and ends that. False where there is no memory for it.
  bool publish();
  void withdraw();
  // Gives the record's memory back, or leaves it as it is where the kernel refuses; keeps what says
  // whose it is. It has no used run, but for the reserve.
  void reset_words();
  bool unmap();  // false: refused, and it is as it was
  // As in a region that was just reserved: no run but the reserve.
  void set_fences();

  static size_t record_size();
};

// From the number of a region-sized piece of address space to its record: two levels, of which the
// second is mapped when first needed and kept. Written by whoever maps or unmaps the region; a
// pointer into it can only come later, and a wild one finds a whole record or none.
class RegionTable {
 public:
  ARENITE_INLINE Region* at(const void* p) const {
    const uintptr_t index = address_of(p) / k_granule;
    if (ARENITE_UNLIKELY(index >= k_entries)) return nullptr;
    const Leaf* leaf = root_[index / k_leaf].load(std::memory_order_acquire);
    if (ARENITE_UNLIKELY(leaf == nullptr)) return nullptr;
    return leaf->regions[index % k_leaf].load(std::memory_order_acquire);
  }
  // False where there is no memory to note it.
  bool set(uintptr_t base, Region* region);

 private:
#if defined(__x86_64__)
  static constexpr uintptr_t k_entries = (uintptr_t{1} << 47) / k_granule;
#elif UINTPTR_MAX > UINT32_MAX
  static constexpr uintptr_t k_entries = (uintptr_t{1} << 48) / k_granule;
#else
  static constexpr uintptr_t k_entries = UINTPTR_MAX / k_granule + 1;
#endif
  static constexpr uintptr_t k_leaf = 4096;
  struct Leaf {
    std::atomic<Region*> regions[k_leaf];
  };
  std::atomic<Leaf*> root_[k_entries / k_leaf] = {};
};

[[gnu::visibility("hidden")]] extern constinit RegionTable g_region_table;

ARENITE_INLINE Region* Region::around(const void* p) {
  return g_region_table.at(p);
}

}  // namespace arenite::span
