// Blocks of any size in one page.
#include "slab/mixed.hpp"

#include <algorithm>
#include <cstdlib>

#include "slab/own_region_fixture.hpp"
#include "slab/statistics.hpp"

namespace arenite::slab {
namespace {

class MixedTest : public OwnRegion {
 protected:
  ~MixedTest() override { EXPECT_EQ(what_is_wrong(page_), ""); }

  Slab* make_mixed() {
    Slab* page = region_->take_page();
    page->place.store(Place::moving);
    format_mixed(page, 7);
    return page;
  }
  void* take(size_t n, uint32_t by = 1) { return take_mixed(page_, mixed_granules_for(n), by); }
  size_t offset_of(const void* block) const {
    return address_of(block) - address_of(memory_of(page_));
  }
  static std::string what_is_wrong(const Slab* page) {
    Breach breach;
    return verify_mixed(page, breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }

  Slab* const page_ = make_mixed();
};

TEST_F(MixedTest, a_fresh_page_is_wholly_free) {
  EXPECT_TRUE(is_mixed(page_));
  EXPECT_TRUE(is_wholly_free_mixed(page_));
  EXPECT_EQ(measure_mixed(page_).live_bytes, 0U);
  EXPECT_EQ(measure_mixed(page_).free_runs, 1U);
}

TEST_F(MixedTest, blocks_of_all_sizes_lie_side_by_side) {
  size_t at = 0;
  for (const size_t n : {1, 16, 17, 1000, 100, 4096, 0, 5}) {
    const void* block = take(n);
    EXPECT_EQ(offset_of(block), at);
    EXPECT_EQ(size_of_mixed(page_, block), mixed_granules_for(n) * k_mixed_granule);
    at += mixed_granules_for(n) * k_mixed_granule;
  }
  EXPECT_EQ(measure_mixed(page_).live_bytes, at);
}

TEST_F(MixedTest, what_is_freed_is_merged_and_taken_again_from_the_front) {
  void* a = take(100);
  void* b = take(200);
  void* c = take(300);
  void* d = take(400);
  give_mixed(page_, b);
  give_mixed(page_, c);
  EXPECT_EQ(take(513), static_cast<char*>(d) + 400) << "too large for the hole";
  EXPECT_EQ(take(512), b) << "as large as both";
  give_mixed(page_, a);
  EXPECT_EQ(take(16), a);
}

TEST_F(MixedTest, a_block_before_a_free_run_keeps_its_size) {
  void* a = take(48);
  void* b = take(48);
  void* c = take(48);
  give_mixed(page_, b);
  EXPECT_EQ(size_of_mixed(page_, a), 48U);
  EXPECT_EQ(size_of_mixed(page_, c), 48U);
}

TEST_F(MixedTest, aligned_blocks_lie_at_multiples) {
  take(16);
  for (const size_t align : {32, 64, 256, 1024, 4096}) {
    const void* block = take(48, static_cast<uint32_t>(align / k_mixed_granule));
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(is_aligned(address_of(block), align));
  }
}

TEST_F(MixedTest, the_whole_page_can_be_one_block) {
  void* all = take(k_slab_size);
  EXPECT_EQ(all, memory_of(page_));
  EXPECT_EQ(size_of_mixed(page_, all), k_slab_size);
  EXPECT_EQ(take(1), nullptr);
  give_mixed(page_, all);
  EXPECT_TRUE(is_wholly_free_mixed(page_));
  take(k_slab_size - 16);
  EXPECT_NE(take(16), nullptr);
  EXPECT_EQ(take(1), nullptr);
}

TEST_F(MixedTest, a_block_is_claimed_once) {
  void* block = take(64);
  void* other = take(64);
  EXPECT_TRUE(claim_mixed(page_, block));
  EXPECT_FALSE(claim_mixed(page_, block));
  EXPECT_TRUE(is_used(block)) << "until it is collected";
  EXPECT_TRUE(collect_mixed(page_));
  EXPECT_FALSE(is_used(block));
  EXPECT_TRUE(is_used(other));
  EXPECT_FALSE(collect_mixed(page_)) << "nobody has claimed since";
  EXPECT_EQ(take(64), block);
  EXPECT_TRUE(claim_mixed(page_, block)) << "it is another block";
  collect_mixed(page_);
}

TEST_F(MixedTest, what_was_freed_is_told_from_what_never_was_a_block) {
  char* block = static_cast<char*>(take(64));
  take(64);
  EXPECT_EQ(fault_of_mixed(page_, block + 16), Fault::invalid_pointer) << "inside of it";
  EXPECT_EQ(fault_of_mixed(page_, block + 128), Fault::invalid_pointer) << "nothing ever was there";
  EXPECT_EQ(fault_of_mixed(page_, block + 8), Fault::invalid_pointer);
  give_mixed(page_, block);
  EXPECT_EQ(fault_of_mixed(page_, block), Fault::double_free);
  EXPECT_FALSE(claim_mixed(page_, block));
  mixed_claimed(page_)[0] = 0;  // the process would have ended
}

TEST_F(MixedTest, a_row_is_one_block) {
  Slab* first = region_->take_row(5);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(page_number(first), page_number(page_) + 1);
  for (int i = 0; i < 5; i++) EXPECT_TRUE(region_->is_taken(page_number(first + i)));
  char* block = static_cast<char*>(format_mixed_row(first, 72'704, 7));
  EXPECT_EQ(size_of_mixed(first, block), 72'704U);
  EXPECT_EQ(pages_of_mixed(first), 5U);
  EXPECT_EQ(pages_of_mixed(page_), 1U);
  for (size_t i = 16; i < 5 * k_slab_size; i += 16) EXPECT_FALSE(is_used(block + i));
  EXPECT_EQ(fault_of_mixed(slab_of(block + k_slab_size), block + k_slab_size),
            Fault::invalid_pointer);
  EXPECT_EQ(measure_mixed(first + 3).live_bytes, k_slab_size);
  EXPECT_EQ(measure_mixed(first + 4).live_bytes, 72'704 - 4 * k_slab_size);
  EXPECT_EQ(what_is_wrong(first), "");
  give_mixed(first, block);
  EXPECT_TRUE(is_wholly_free_mixed(first));
  for (int i = 0; i < 5; i++) {
    unmake_mixed(first + i);
    region_->give_page(first + i);
  }
  EXPECT_EQ(breach(), "");
}

TEST_F(MixedTest, a_row_may_be_a_page) {
  Slab* page = region_->take_row(1);
  void* block = format_mixed_row(page, 10'000, 7);
  EXPECT_EQ(size_of_mixed(page, block), 10'000U);
  EXPECT_EQ(pages_of_mixed(page), 1U);
  EXPECT_EQ(what_is_wrong(page), "");
  give_mixed(page, block);
  EXPECT_TRUE(is_wholly_free_mixed(page));
}

TEST_F(MixedTest, a_row_needs_so_many_pages) {
  EXPECT_EQ(region_->take_row(k_region_pages), nullptr);
  EXPECT_NE(region_->take_row(2), nullptr);
}

TEST_F(MixedTest, a_page_without_a_block_can_be_a_slab) {
  void* block = take(100);
  EXPECT_TRUE(claim_mixed(page_, block));
  collect_mixed(page_);
  unmake_mixed(page_);
  region_->give_page(page_);
  EXPECT_EQ(breach(), "");
  Slab* slab = make(48);
  ASSERT_EQ(slab, page_);
  give(slab, OwnRegion::take(slab));
  EXPECT_EQ(OwnRegion::breach(slab), "");
  give_page(slab);
  region_->take_page();
  format_mixed(page_, 7);
}

TEST_F(MixedTest, the_figures_count_its_blocks) {
  take(1000);
  void* hole = take(100);
  take(10);
  give_mixed(page_, hole);
  EXPECT_EQ(measure_mixed(page_).live_bytes, 1008U + 16U);
  EXPECT_EQ(measure_mixed(page_).free_runs, 2U);
  SlabFigures figures;
  measure(*region_, figures);
  EXPECT_EQ(figures.live_bytes, 0U) << "it is no slab";
  EXPECT_EQ(figures.free_pages, 0U);
  EXPECT_LT(figures.system_bytes, k_slab_size);
}

TEST_F(MixedTest, bits_that_do_not_agree_are_found) {
  void* block = take(64);
  const uint64_t taken = mixed_taken(page_)[0];
  mixed_taken(page_)[0] = taken << 1;
  EXPECT_EQ(what_is_wrong(page_), "S8: a block starts in a mixed page where nothing is taken");
  mixed_taken(page_)[0] = taken | uint64_t{1} << 9;
  EXPECT_EQ(what_is_wrong(page_), "S8: a mixed page's granules are of no block");
  mixed_taken(page_)[0] = taken;
  page_->free_count++;
  EXPECT_EQ(what_is_wrong(page_), "S8: a mixed page's free granules and their count differ");
  page_->free_count--;
  page_->takes = 0;
  EXPECT_EQ(what_is_wrong(page_), "S8: a mixed page was taken beyond its end");
  page_->takes = 4;
  give_mixed(page_, block);
}

// Against a plain list of what is taken.
TEST_F(MixedTest, random_blocks_never_overlap) {
  struct Block {
    size_t start;
    size_t size;
  };
  std::vector<Block> blocks;
  unsigned seed = 17;
  for (int i = 0; i < 20000; i++) {
    if (rand_r(&seed) % 2 == 0 && !blocks.empty()) {
      const size_t which = static_cast<size_t>(rand_r(&seed)) % blocks.size();
      const void* p = memory_of(page_) + blocks[which].start;
      ASSERT_TRUE(is_used(p));
      ASSERT_EQ(size_of_mixed(page_, p), blocks[which].size);
      give_mixed(page_, p);
      blocks[which] = blocks.back();
      blocks.pop_back();
      continue;
    }
    const size_t n = static_cast<size_t>(rand_r(&seed)) % 900;
    const uint32_t by = 1U << (rand_r(&seed) % 4 == 0 ? rand_r(&seed) % 7 : 0);
    const void* p = take(n, by);
    if (p == nullptr) continue;
    const Block fresh{offset_of(p), mixed_granules_for(n) * k_mixed_granule};
    ASSERT_TRUE(is_aligned(fresh.start, by * k_mixed_granule));
    for (const Block& b : blocks)
      ASSERT_TRUE(fresh.start + fresh.size <= b.start || b.start + b.size <= fresh.start);
    blocks.push_back(fresh);
    ASSERT_EQ(what_is_wrong(page_), "");
  }
  size_t live = 0;
  for (const Block& b : blocks) live += b.size;
  EXPECT_EQ(measure_mixed(page_).live_bytes, live);
  EXPECT_EQ(page_->free_count, k_mixed_granules - live / k_mixed_granule);
}

}  // namespace
}  // namespace arenite::slab
