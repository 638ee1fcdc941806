// KindMap: one byte a granule, and a plain answer for every pointer there can be.
#include "base/kind_map.hpp"

#include <gtest/gtest.h>

namespace arenite {
namespace {

// Too large for the stack; each test leaves it as it found it.
constinit KindMap map;

constexpr uintptr_t k_granule_start = 5 * k_granule;

TEST(KindMap, nothing_is_anywhere_at_first) {
  EXPECT_EQ(map.at(nullptr), Kind::none);
  EXPECT_EQ(map.at(&map), Kind::none);
}

TEST(KindMap, a_granule_is_known_to_its_last_byte_and_no_further) {
  map.set(at_address(k_granule_start), Kind::chunk_heap);
  EXPECT_EQ(map.at(at_address(k_granule_start - 1)), Kind::none);
  EXPECT_EQ(map.at(at_address(k_granule_start)), Kind::chunk_heap);
  EXPECT_EQ(map.at(at_address(k_granule_start + k_granule - 1)), Kind::chunk_heap);
  EXPECT_EQ(map.at(at_address(k_granule_start + k_granule)), Kind::none);
  map.set(at_address(k_granule_start), Kind::none);
}

TEST(KindMap, a_granule_that_goes_is_forgotten) {
  map.set(at_address(k_granule_start), Kind::chunk_heap);
  map.set(at_address(k_granule_start), Kind::none);
  EXPECT_EQ(map.at(at_address(k_granule_start + 8)), Kind::none);
}

TEST(KindMap, free_knows_slab_regions_of_both_kinds_and_operator_delete_of_one) {
  const void* const p = at_address(k_granule_start + 16);
  struct Expected {
    Kind kind;
    bool is_frees;
    bool is_deletes;
  };
  for (const Expected& e :
       {Expected{Kind::none, false, false}, Expected{Kind::chunk_heap, false, false},
        Expected{Kind::span_region, false, false}, Expected{Kind::slab_region, true, true},
        Expected{Kind::slab_region_by_name, true, false}}) {
    map.set(p, e.kind);
    EXPECT_EQ(map.is_at_least(p, Kind::slab_region), e.is_frees);
    EXPECT_EQ(is_slab_region(map.at(p)), e.is_frees);
    EXPECT_EQ(map.is(p, Kind::slab_region), e.is_deletes);
  }
  map.set(p, Kind::none);
}

TEST(KindMap, what_is_no_multiple_of_16_is_no_block_wherever_it_lies) {
  map.set(at_address(k_granule_start), Kind::slab_region);
  for (const uintptr_t start : {k_granule_start, k_granule_start + k_granule - 16}) {
    for (uintptr_t offset = 0; offset < 16; offset++) {
      const void* const p = at_address(start + offset);
      EXPECT_EQ(map.at(p), Kind::slab_region);
      EXPECT_EQ(map.is(p, Kind::slab_region), offset == 0) << offset;
      EXPECT_EQ(map.is_at_least(p, Kind::slab_region), offset == 0) << offset;
      EXPECT_EQ(map.is_at_least(p, Kind::none), offset == 0) << offset;
    }
  }
  map.set(at_address(k_granule_start), Kind::none);
}

TEST(KindMap, a_wild_pointer_is_nothing_of_ours) {
  EXPECT_EQ(map.at(at_address(UINTPTR_MAX)), Kind::none);
  for (const uintptr_t p : {UINTPTR_MAX, UINTPTR_MAX - 15, UINTPTR_MAX / 2 + 1}) {
    EXPECT_FALSE(map.is_at_least(at_address(p), Kind::slab_region));
    EXPECT_FALSE(map.is(at_address(p), Kind::slab_region));
  }
  EXPECT_EQ(map.at(at_address(UINTPTR_MAX / 2 + 1)), Kind::none);
}

TEST(KindMap, a_granule_is_64_mib_or_1_mib_on_32_bit) {
  EXPECT_EQ(k_granule, k_is_64_bit ? 64 * k_mib : k_mib);
}

}  // namespace
}  // namespace arenite
