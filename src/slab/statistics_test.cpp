// The slabs' figures, on a region of the test's own: each way a block can be free, each way a page
// can hold memory.
#include "slab/statistics.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

constexpr size_t k_bookkeeping = sizeof(Slab) + k_line + k_used_stride;

class SlabStatistics : public OwnRegion {
 protected:
  void SetUp() override { ASSERT_NE(region_, nullptr); }

  SlabFigures figures() const {
    SlabFigures figures;
    measure(*region_, figures);
    return figures;
  }
};

TEST_F(SlabStatistics, a_fresh_region_holds_nothing) {
  const SlabFigures f = figures();
  EXPECT_EQ(f.system_bytes, 0u);
  EXPECT_EQ(f.peak_system_bytes, 0u);
  EXPECT_EQ(f.live_bytes, 0u);
  EXPECT_EQ(f.free_blocks, 0u);
  EXPECT_EQ(f.regions, 1u);
  EXPECT_EQ(f.region_bytes, k_region_size);
  EXPECT_EQ(f.committed_bytes, k_metadata_pages * k_slab_size);
}

TEST_F(SlabStatistics, each_block_taken_counts_at_its_class_s_size) {
  const unsigned c = class_of(100);
  Slab* slab = make(100);
  for (size_t taken = 1; taken <= info(c).block_count; taken++) {
    take(slab);
    const SlabFigures f = figures();
    ASSERT_EQ(f.live_bytes, taken * info(c).size);
    ASSERT_EQ(f.free_count[c], info(c).block_count - taken);
    ASSERT_EQ(f.free_blocks, f.free_count[c]);
    ASSERT_EQ(f.system_bytes, k_slab_size + k_bookkeeping);
    ASSERT_EQ(f.available_bytes(), f.system_bytes - f.live_bytes);
  }
}

TEST_F(SlabStatistics, a_block_counts_as_free_in_the_slab_in_a_magazine_and_marked) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  const size_t all = blocks.size();
  EXPECT_EQ(figures().live_bytes, all * 64);
  give(slab, blocks[0]);
  EXPECT_EQ(figures().live_bytes, (all - 1) * 64);
  EXPECT_TRUE(set_unused(blocks[1]));
  EXPECT_EQ(figures().live_bytes, (all - 2) * 64);
  give_remotely(slab, blocks[150]);
  EXPECT_EQ(figures().live_bytes, (all - 3) * 64);
  EXPECT_EQ(figures().free_blocks, 3u);
  collect(slab);
  EXPECT_EQ(figures().live_bytes, (all - 3) * 64);
  put_back(slab, blocks[1]);
  EXPECT_EQ(figures().live_bytes, (all - 3) * 64);
}

TEST_F(SlabStatistics, what_an_owner_at_work_shows_is_never_more_than_there_is) {
  Slab* slab = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  // Freed by two threads at once, one of them the owner: marked, and not in use.
  for (const void* block : blocks) {
    give_remotely(slab, block);
    EXPECT_TRUE(set_unused(block));
  }
  EXPECT_EQ(figures().live_bytes, 0u);
  EXPECT_EQ(figures().free_blocks, blocks.size());
}

TEST_F(SlabStatistics, a_free_page_counts_until_it_is_purged) {
  const Slab* first = make(1000);
  give_page(make(1000));
  SlabFigures f = figures();
  EXPECT_EQ(f.free_pages, 1u);
  EXPECT_EQ(f.system_bytes, 2 * (k_slab_size + k_bookkeeping));
  EXPECT_EQ(f.free_blocks, first->block_count);
  PurgeBatch batch;
  region_->pick(Pick::any, SIZE_MAX, batch);
  EXPECT_EQ(figures().system_bytes, f.system_bytes) << "it is still on its way";
  EXPECT_EQ(region_->put_back(batch.ranges[0], true), 1u);
  f = figures();
  EXPECT_EQ(f.free_pages, 0u);
  EXPECT_EQ(f.system_bytes, k_slab_size + 2 * k_bookkeeping);
  EXPECT_EQ(f.peak_system_bytes, 2 * (k_slab_size + k_bookkeeping));
  make(1000);
  f = figures();
  EXPECT_EQ(f.system_bytes, 2 * (k_slab_size + k_bookkeeping));
  EXPECT_EQ(f.peak_system_bytes, f.system_bytes);
}

TEST_F(SlabStatistics, a_page_taken_but_not_yet_made_a_slab_is_held_and_has_no_blocks) {
  region_->take_page();
  const SlabFigures f = figures();
  EXPECT_EQ(f.system_bytes, k_slab_size + k_bookkeeping);
  EXPECT_EQ(f.live_bytes, 0u);
  EXPECT_EQ(f.free_blocks, 0u);
}

}  // namespace
}  // namespace arenite::slab
