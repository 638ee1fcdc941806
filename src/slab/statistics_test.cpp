// The slabs' figures, on a region of the test's own: each way a block can be free, each way a page
// can hold memory.
#include "slab/statistics.hpp"

#include <gtest/gtest.h>

#include "os/os.hpp"
#include "slab/owned.hpp"

namespace arenite::slab {
namespace {

constexpr size_t k_bookkeeping = sizeof(Slab) + 2 * k_words_stride;

SlabFigures figures_of(const Region& region) {
  SlabFigures figures;
  measure(region, figures);
  return figures;
}

class SlabStatistics : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(region_, nullptr); }
  ~SlabStatistics() override {
    auto* start = at_address<void>(region_of(region_));
    g_kind_map.set(start, Kind::none);
    os::unmap(start, k_region_size);
  }

  Slab* take(unsigned size_class) {
    Slab* slab = region_->take_page();
    format(slab, size_class);
    return slab;
  }
  static void* pop(Slab* slab) {
    uint64_t word = load(slab->active_word);
    if (word == 0) word = claim(slab);
    return slab->pop(word);
  }
  static uint32_t granule_of(const Slab* slab, void* block) {
    return slab->granule(static_cast<uint32_t>(address_of(block) % k_slab_size));
  }

  Region* region_ = Region::create();
};

TEST_F(SlabStatistics, a_fresh_region_holds_nothing) {
  const SlabFigures f = figures_of(*region_);
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
  Slab* slab = take(c);
  for (size_t taken = 1; taken <= info(c).block_count; taken++) {
    pop(slab);
    const SlabFigures f = figures_of(*region_);
    ASSERT_EQ(f.live_bytes, taken * info(c).size);
    ASSERT_EQ(f.free_count[c], info(c).block_count - taken);
    ASSERT_EQ(f.free_blocks, f.free_count[c]);
    ASSERT_EQ(f.system_bytes, k_slab_size + k_bookkeeping);
    ASSERT_EQ(f.available_bytes(), f.system_bytes - f.live_bytes);
  }
}

TEST_F(SlabStatistics, a_block_counts_as_free_wherever_its_bit_is) {
  const unsigned c = class_of(64);
  Slab* slab = take(c);
  void* in_words = pop(slab);
  for (int i = 0; i < 64; i++) pop(slab);  // the second word is active now
  void* in_active = pop(slab);
  void* remote = pop(slab);
  void* kept = pop(slab);
  EXPECT_EQ(figures_of(*region_).live_bytes, 68 * 64u);
  put(slab, 0, load(slab->words[0]) | uint64_t{1} << granule_of(slab, in_words));
  EXPECT_EQ(figures_of(*region_).live_bytes, 67 * 64u);
  uint64_t word = load(slab->active_word);
  test_and_set(word, granule_of(slab, in_active));
  store(slab->active_word, word);
  EXPECT_EQ(figures_of(*region_).live_bytes, 66 * 64u);
  const uint32_t granule = granule_of(slab, remote);
  remote_word(slab, granule / 64).fetch_or(uint64_t{1} << (granule % 64));
  slab->remote_summary.fetch_or(uint64_t{1} << (granule / 64));
  EXPECT_EQ(figures_of(*region_).live_bytes, 65 * 64u);
  collect(slab);
  EXPECT_EQ(figures_of(*region_).live_bytes, 65 * 64u);
  retire_active(slab);
  EXPECT_EQ(figures_of(*region_).live_bytes, 65 * 64u);
  EXPECT_NE(kept, nullptr);
}

TEST_F(SlabStatistics, a_free_page_counts_until_it_is_purged) {
  Slab* first = take(class_of(1000));
  Slab* second = take(class_of(1000));
  second->block_count = 0;
  region_->give_page(second);
  SlabFigures f = figures_of(*region_);
  EXPECT_EQ(f.free_pages, 1u);
  EXPECT_EQ(f.system_bytes, 2 * (k_slab_size + k_bookkeeping));
  EXPECT_EQ(f.free_blocks, first->block_count);
  PurgeBatch batch;
  region_->pick(Pick::any, SIZE_MAX, batch);
  EXPECT_EQ(figures_of(*region_).system_bytes, f.system_bytes) << "it is still on its way";
  EXPECT_EQ(region_->put_back(batch.ranges[0], true), 1u);
  f = figures_of(*region_);
  EXPECT_EQ(f.free_pages, 0u);
  EXPECT_EQ(f.system_bytes, k_slab_size + 2 * k_bookkeeping);
  EXPECT_EQ(f.peak_system_bytes, 2 * (k_slab_size + k_bookkeeping));
  take(class_of(1000));
  f = figures_of(*region_);
  EXPECT_EQ(f.system_bytes, 2 * (k_slab_size + k_bookkeeping));
  EXPECT_EQ(f.peak_system_bytes, f.system_bytes);
}

TEST_F(SlabStatistics, a_page_taken_but_not_yet_made_a_slab_is_held_and_has_no_blocks) {
  region_->take_page();
  const SlabFigures f = figures_of(*region_);
  EXPECT_EQ(f.system_bytes, k_slab_size + k_bookkeeping);
  EXPECT_EQ(f.live_bytes, 0u);
  EXPECT_EQ(f.free_blocks, 0u);
}

}  // namespace
}  // namespace arenite::slab
