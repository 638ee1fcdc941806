// Large blocks, and freed ones that are kept, in any memory.
#pragma once

#include "large/large_engine.hpp"
#include "view/memory.hpp"
#include "view/opened.hpp"

namespace arenite::view {

// Calls visit(unit's address, word) for each word that is not 0 in a directory, and part(start,
// bytes) for its nodes.
template <typename Roots, unsigned k_unit_bits, Memory M, typename Visit, typename Part>
void for_each_word(M& memory, const large::Directory<k_unit_bits>& directory, Visit visit,
                   Part part) {
  constexpr unsigned k_middle_shift =
      k_unit_bits + std::countr_zero(large::NodeMemory::k_leaf_slots);
  constexpr unsigned k_root_shift =
      k_middle_shift + std::countr_zero(large::NodeMemory::k_middle_slots);
  uint64_t base = 0;
  for (const auto& root : opened_in<Roots>(directory)) {
    const uint64_t from = base;
    base += uint64_t{1} << k_root_shift;
    const auto* middle_there = root.load(std::memory_order_acquire);
    if (middle_there == nullptr) continue;
    using Middle = std::remove_cvref_t<decltype(*middle_there)>;
    part(address_of(middle_there), sizeof(Middle));
    const auto* middle = read<Middle>(memory, address_of(middle_there));
    if (middle == nullptr) continue;
    uint64_t unit = from;
    for (const auto& place : middle->leaves) {
      const uint64_t first = unit;
      unit += uint64_t{1} << k_middle_shift;
      const auto* leaf_there = place.load(std::memory_order_acquire);
      if (leaf_there == nullptr) continue;
      using Leaf = std::remove_cvref_t<decltype(*leaf_there)>;
      part(address_of(leaf_there), sizeof(Leaf));
      const auto* leaf = read<Leaf>(memory, address_of(leaf_there));
      if (leaf == nullptr) continue;
      for (size_t i = 0; i < large::NodeMemory::k_leaf_slots; i++) {
        const size_t word = leaf->words[i].load(std::memory_order_acquire);
        if (word != 0) visit(static_cast<uintptr_t>(first + (i << k_unit_bits)), word);
      }
    }
  }
}

// Calls visit(const large::Range&, large::RangeState) for each range of the table at this address.
template <Memory M, typename Visit, typename Part>
void for_each_large(M& memory, uintptr_t table_address, Visit visit, Part part) {
  const auto* table = read<large::Table>(memory, table_address);
  if (table == nullptr) return;
  const auto one = [&](uintptr_t unit, size_t word) {
    constexpr unsigned k_page_bits = *opened(LargePageBits{});
    constexpr size_t k_places = size_t{1} << (*opened(LargeCoarseBits{}) - k_page_bits);
    const size_t size = word >> *opened(LargeSizeShift{}) << k_page_bits;
    const size_t place = word >> *opened(LargePlaceShift{}) & (k_places - 1);
    visit(large::Range{unit + (place << k_page_bits), size},
          static_cast<large::RangeState>(word & 3));
  };
  for_each_word<CoarseRoots>(memory, opened_in<LargeCoarse>(*table), one, part);
  for_each_word<FineRoots>(memory, opened_in<LargeFine>(*table), one, part);
}

// Calls visit(start, bytes) for each that is kept.
template <Memory M, typename Visit>
void for_each_kept(M& memory, uintptr_t kept_address, Visit visit) {
  const auto* kept = read<large::Kept>(memory, kept_address);
  if (kept == nullptr) return;
  const unsigned count = opened_in<KeptCount>(*kept);
  for (unsigned i = 0; i < count && i < large::Kept::k_most; i++)
    visit(opened_in<KeptStarts>(*kept)[i], opened_in<KeptSizes>(*kept)[i]);
}

}  // namespace arenite::view
