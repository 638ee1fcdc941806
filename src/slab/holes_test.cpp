// Holes: which pages of a slab are free, in every class, held against a look at each block.
#include "slab/holes.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

class HolesTest : public OwnRegion {
 protected:
  // By the used blocks' addresses.
  static Pages expected(const Slab* slab, const std::vector<void*>& used) {
    const size_t page = os::page_size();
    const size_t end = size_t{slab->size()} * info(slab->size_class).block_count;
    Pages holes = 0;
    for (size_t i = 0; i < k_slab_size / page && i * page < end; i++)
      holes |= static_cast<Pages>(1U << i);
    for (const void* block : used) {
      const size_t from = address_of(block) - address_of(memory_of(slab));
      for (size_t i = from / page; i <= (from + slab->size() - 1) / page; i++)
        holes &= static_cast<Pages>(~(1U << i));
    }
    return holes;
  }
};

TEST_F(HolesTest, a_full_slab_has_none_and_an_empty_one_all) {
  for (const size_t size : {16U, 48U, 2048U, 8192U}) {
    Slab* slab = make(size);
    EXPECT_EQ(holes_of(slab), expected(slab, {})) << size;
    take_all(slab);
    EXPECT_EQ(holes_of(slab), 0) << size;
  }
}

TEST_F(HolesTest, any_blocks_of_any_class) {
  unsigned state = 1;
  const auto below = [&](unsigned n) { return (state = state * 1664525 + 1013904223) / 65536 % n; };
  for (unsigned c = 0; c < k_classes; c++) {
    Slab* slab = make(info(c).size);
    std::vector<void*> used = take_all(slab);
    while (!used.empty()) {
      // Neighbours go together, or pages of small blocks would hardly ever come free.
      const size_t first = below(static_cast<unsigned>(used.size()));
      const size_t last = std::min(used.size(), first + 1 + below(3000 / slab->size() + 1));
      for (size_t i = first; i < last; i++) {
        if (below(2) == 0) {
          give(slab, used[i]);
        } else {
          give_remotely(slab, used[i]);
        }
      }
      used.erase(used.begin() + static_cast<ptrdiff_t>(first),
                 used.begin() + static_cast<ptrdiff_t>(last));
      ASSERT_EQ(holes_of(slab), expected(slab, used)) << info(c).size << "-byte blocks";
    }
    collect(slab);
    ASSERT_EQ(holes_of(slab), expected(slab, {}));
    give_page(slab);
  }
}

TEST_F(HolesTest, a_block_in_a_magazine_keeps_its_page) {
  const size_t page = os::page_size();
  if (page >= k_slab_size) GTEST_SKIP() << "a slab is one page";
  Slab* slab = make(2048);
  void* aside = take_aside(slab);
  EXPECT_EQ(holes_of(slab), expected(slab, {aside}));
  EXPECT_NE(holes_of(slab), expected(slab, {}));
  put_back(slab, aside);
  EXPECT_EQ(holes_of(slab), expected(slab, {}));
}

TEST_F(HolesTest, a_mark_is_seen_once_the_header_tells_of_it) {
  Slab* slab = make(8192);
  const std::vector<void*> blocks = take_all(slab);
  mark_of(slab, number_of(slab, blocks[1])).store(1);
  EXPECT_EQ(holes_of(slab), 0) << "who marks it is not through";
  slab->remote_lines[0].store(1);
  EXPECT_EQ(holes_of(slab), expected(slab, {blocks[0]}));
}

TEST_F(HolesTest, a_page_behind_the_last_block_is_none) {
  Slab* slab = make(7168);  // four of them are 28 KiB
  take_all(slab);
  EXPECT_EQ(holes_of(slab), 0);
}

TEST_F(HolesTest, bytes_are_counted) {
  EXPECT_EQ(bytes_of(0), 0U);
  EXPECT_EQ(bytes_of(0x81), 2 * os::page_size());
}

}  // namespace
}  // namespace arenite::slab
