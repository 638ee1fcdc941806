// Members of other floors' classes that only looking needs. They are opened here, by name, so that
// those floors need not know of it: an explicit instantiation may name what is private. A name that
// changes does not compile.
#pragma once

#include "engine/engine.hpp"

namespace arenite::view {

template <typename Tag, auto pointer_to_member>
struct Open {
  friend constexpr auto opened(Tag /*tag*/) { return pointer_to_member; }
};

#define ARENITE_OPEN(tag, ...)         \
  struct tag {                         \
    friend constexpr auto opened(tag); \
  };                                   \
  template struct Open<tag, __VA_ARGS__>

ARENITE_OPEN(SpanRoots, &span::RegionTable::root_);
ARENITE_OPEN(LargeCoarse, &large::Table::coarse_);
ARENITE_OPEN(LargeFine, &large::Table::fine_);
ARENITE_OPEN(LargeSizeShift, &large::Table::k_size_shift);
ARENITE_OPEN(LargePlaceShift, &large::Table::k_place_shift);
ARENITE_OPEN(LargePageBits, &large::Table::k_page_bits);
ARENITE_OPEN(LargeCoarseBits, &large::Table::k_coarse_bits);
ARENITE_OPEN(CoarseRoots, &large::Directory<17>::roots_);
ARENITE_OPEN(FineRoots, &large::Directory<12>::roots_);
ARENITE_OPEN(KeptCount, &large::Kept::count_);
ARENITE_OPEN(KeptStarts, &large::Kept::starts_);
ARENITE_OPEN(KeptSizes, &large::Kept::sizes_);
ARENITE_OPEN(DepotRecords, &cache::Depot::records_);

#undef ARENITE_OPEN

// A member of `object` that was opened.
template <typename Tag, typename T>
constexpr const auto& opened_in(const T& object) {
  return object.*opened(Tag{});
}

}  // namespace arenite::view
