// The pages of free chunks: which there are, which hold memory, and what the ledger hears of it.
#include "chunk/free_pages.hpp"

#include <gtest/gtest.h>
#include <array>
#include <memory>
#include <vector>

#include "chunk/heap_segment.hpp"

namespace arenite::chunk {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

// Addresses alone: nothing here is touched, but for what is purged.
class FreePagesTest : public testing::Test {
 protected:
  FreePagesTest() {
    memory_ = address_of(os::reserve(2 * k_granule, k_granule));
    pages_->start();
    pages_->extended(2 * k_granule, 0);
  }
  ~FreePagesTest() override {
    pages_->stop();
    os::unmap(at_address<void>(memory_), 2 * k_granule);
  }
  // The n-th page.
  uintptr_t page(size_t n) const { return memory_ + n * page_; }
  // A chunk with these pages, whose neighbours are in use, becomes free.
  void free_whole(uintptr_t begin, uintptr_t end) { pages_->freed(begin, end, begin, end); }
  void take_whole(uintptr_t begin, uintptr_t end) { pages_->taken(begin, end, end); }
  size_t free_bytes() const { return 2 * k_granule - pages_->in_use(); }
  // Makes pages [from, to) usable and free, and writes to them.
  void free_touched(size_t from, size_t to) {
    ASSERT_TRUE(os::commit(at_address<void>(page(from)), page(to) - page(from)));
    __builtin_memset(at_address<void>(page(from)), 0xa5, page(to) - page(from));
    // A chunk that begins late on the page before, so that page `from` is the first inside.
    free_whole(page(from) - k_tags, page(to));
  }
  // Purges as an arena does; the ranges, in pages, or none.
  std::vector<std::array<size_t, 2>> purge(size_t bytes, FreePages::Range spared = {}) {
    std::vector<std::array<size_t, 2>> ranges;
    const FreePages::Purge* purge = pages_->begin_purge(bytes, spared);
    if (purge == nullptr) return ranges;
    for (size_t i = 0; i < purge->count; i++) {
      const size_t first = (address_of(purge->ranges[i].start) - memory_) / page_;
      ranges.push_back({first, first + purge->ranges[i].size / page_});
    }
    pages_->end_purge(purge->bytes);
    return ranges;
  }

  using Ranges = std::vector<std::array<size_t, 2>>;
  static constexpr size_t k_tags = k_header + sizeof(LargeLinks);
  const size_t page_ = os::page_size();
  uintptr_t memory_ = 0;
  const std::unique_ptr<FreePages> pages_ = std::make_unique<FreePages>();
};

TEST_F(FreePagesTest, a_page_with_tags_or_links_is_not_inside) {
  const FreePages::Range all = pages_->inside(page(4) - k_tags, page(9));
  EXPECT_EQ(all.begin, page(4));
  EXPECT_EQ(all.end, page(9));
  const FreePages::Range fewer = pages_->inside(page(4) - k_tags + 16, page(9) - 16);
  EXPECT_EQ(fewer.begin, page(5));
  EXPECT_EQ(fewer.end, page(8));
  EXPECT_EQ(pages_->inside(page(4) + 16, page(5) + 32).size(), 0U);
}

TEST_F(FreePagesTest, a_freed_chunks_pages_are_dirty_and_a_taken_ones_are_not) {
  free_whole(page(3), page(7));
  EXPECT_EQ(pages_->dirty(), 3 * page_);
  EXPECT_EQ(free_bytes(), 3 * page_);
  EXPECT_EQ(pages_->dirty_in({page(4), page(7)}), 3 * page_);
  take_whole(page(3), page(7));
  EXPECT_EQ(pages_->dirty(), 0U);
  EXPECT_EQ(free_bytes(), 0U);
}

TEST_F(FreePagesTest, a_chunk_that_merges_adds_the_pages_that_only_now_are_whole) {
  // Three chunks with borders amid pages.
  const uintptr_t a = page(2) + 512;
  const uintptr_t b = page(6) + 512;
  const uintptr_t c = page(9) + 512;
  const uintptr_t end = page(12) + 512;
  free_whole(a, b);
  EXPECT_EQ(free_bytes(), 3 * page_);
  free_whole(c, end);
  EXPECT_EQ(free_bytes(), 5 * page_);
  pages_->freed(b, c, a, end);
  EXPECT_EQ(free_bytes(), 9 * page_);
  EXPECT_EQ(pages_->dirty(), 9 * page_);
  EXPECT_EQ(pages_->dirty_in(pages_->inside(a, end)), 9 * page_);
}

TEST_F(FreePagesTest, a_small_chunk_can_make_a_page_whole) {
  free_whole(page(2), page(3) - 64);
  free_whole(page(3) + 64, page(4));
  EXPECT_EQ(free_bytes(), 0U);
  pages_->freed(page(3) - 64, page(3) + 64, page(2), page(4));
  EXPECT_EQ(pages_->dirty(), page_);
  EXPECT_EQ(pages_->dirty_in({page(3), page(4)}), page_);
}

TEST_F(FreePagesTest, the_front_that_is_taken_leaves_the_rest_its_pages_but_for_its_tags) {
  free_whole(page(2), page(10));
  pages_->taken(page(2), page(5) + 16, page(10));
  EXPECT_EQ(free_bytes(), 4 * page_);
  EXPECT_EQ(pages_->dirty_in({page(6), page(10)}), 4 * page_);
  EXPECT_EQ(pages_->dirty(), 4 * page_);
}

TEST_F(FreePagesTest, chunks_may_lie_across_granules) {
  const size_t middle = k_granule / page_;
  free_whole(page(middle - 3), page(middle + 5));
  EXPECT_EQ(pages_->dirty(), 7 * page_);
  take_whole(page(middle - 3), page(middle + 5));
  EXPECT_EQ(pages_->dirty(), 0U);
}

TEST_F(FreePagesTest, whole_granules_can_be_free) {
  free_whole(memory_, memory_ + 2 * k_granule);
  EXPECT_EQ(pages_->dirty(), 2 * k_granule - page_);
  take_whole(memory_, memory_ + 2 * k_granule);
  EXPECT_EQ(pages_->dirty(), 0U);
}

TEST_F(FreePagesTest, fresh_pages_are_clean_and_so_is_what_is_taken_of_them) {
  pages_->extended(0, 8 * page_);  // a top of pages 4 to 12
  EXPECT_EQ(free_bytes(), 8 * page_);
  EXPECT_EQ(pages_->dirty(), 0U);
  pages_->taken(page(4) - k_tags, page(8), page(12));
  EXPECT_EQ(free_bytes(), 3 * page_);
  // The page with the tags of what remains is none of them.
  EXPECT_EQ(pages_->clean_of_last_taken().begin, page(4));
  EXPECT_EQ(pages_->clean_of_last_taken().end, page(8));
}

TEST_F(FreePagesTest, what_lies_behind_the_last_dirty_page_that_is_taken_is_known_to_be_clean) {
  pages_->extended(0, 4 * page_);  // a top that begins with page 8 and ends before 13
  pages_->freed(page(4), page(8), page(4), page(13));
  EXPECT_EQ(free_bytes(), 8 * page_);
  EXPECT_EQ(pages_->dirty(), 4 * page_);
  take_whole(page(4), page(13));
  EXPECT_EQ(pages_->clean_of_last_taken().begin, page(9));
  EXPECT_EQ(pages_->clean_of_last_taken().end, page(13));
}

TEST_F(FreePagesTest, clean_pages_that_are_freed_untouched_stay_clean) {
  pages_->extended(0, 8 * page_);  // pages 4 to 12
  pages_->taken(page(4) - k_tags, page(12), page(12));
  pages_->hold_clean(true);
  pages_->freed(page(7), page(12), page(7), page(12));
  pages_->hold_clean(false);
  EXPECT_EQ(free_bytes(), 4 * page_);
  EXPECT_EQ(pages_->dirty(), 0U);
}

// A static program's heap may begin there.
TEST_F(FreePagesTest, pages_of_the_first_granules_are_like_any_others) {
  const uintptr_t low = 4 * page_;
  pages_->extended(k_granule, 0);
  take_whole(low, low + 8 * page_);
  EXPECT_EQ(pages_->dirty(), 0U);
  free_whole(low, low + 8 * page_);
  EXPECT_EQ(pages_->dirty(), 7 * page_);
  take_whole(low, low + 8 * page_);
  EXPECT_EQ(pages_->dirty(), 0U);
}

TEST_F(FreePagesTest, the_ledger_hears_of_it_in_lots) {
  const size_t live = g_ledger.live();
  const size_t kept = g_ledger.retained(Keeper::chunks);
  pages_->tell();
  pages_->must_settle();
  EXPECT_EQ(g_ledger.live(), live + 2 * k_granule);
  free_whole(page(0), page(2));
  EXPECT_FALSE(pages_->must_settle());
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), kept);
  const size_t pages = 128 * k_kib / page_;
  free_whole(page(4) - k_tags, page(4 + pages));
  EXPECT_TRUE(pages_->must_settle());
  EXPECT_FALSE(pages_->must_settle());
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), kept + 128 * k_kib + page_);
  EXPECT_EQ(g_ledger.live(), live + 2 * k_granule - 128 * k_kib - page_);
  const size_t grown = g_ledger.grown();
  take_whole(page(4) - k_tags, page(4 + pages));
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), kept + page_);
  EXPECT_EQ(g_ledger.live(), live + 2 * k_granule - page_);
  EXPECT_EQ(g_ledger.grown(), grown);  // used again, not taken from the kernel
}

TEST_F(FreePagesTest, what_is_taken_of_clean_pages_has_grown) {
  pages_->extended(0, 64 * page_);  // pages 4 to 68
  pages_->tell();
  const size_t live = g_ledger.live();
  const size_t grown = g_ledger.grown();
  pages_->taken(page(4) - k_tags, page(68), page(68));
  pages_->tell();
  EXPECT_EQ(g_ledger.live(), live + 64 * page_);
  EXPECT_EQ(g_ledger.grown(), grown + 64 * page_);
}

TEST_F(FreePagesTest, nothing_of_it_stays_in_the_ledger) {
  pages_->tell();
  auto other = std::make_unique<FreePages>();
  other->start();
  const uintptr_t memory = address_of(os::reserve(k_granule, k_granule));
  const size_t live = g_ledger.live();
  const size_t retained = g_ledger.retained(Keeper::chunks);
  other->extended(k_granule, 0);
  other->freed(memory, memory + k_granule / 2, memory, memory + k_granule / 2);
  other->tell();
  EXPECT_NE(g_ledger.live(), live);
  other->stop();
  EXPECT_EQ(g_ledger.live(), live);
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), retained);
  os::unmap(at_address<void>(memory), k_granule);
}

TEST_F(FreePagesTest, removed_pages_count_as_purged) {
  free_whole(page(0), page(64));
  pages_->tell();
  const size_t kept = g_ledger.retained(Keeper::chunks);
  const size_t live = g_ledger.live();
  pages_->removed(32 * page_, {page(32), page(64)});
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), kept - 32 * page_);
  EXPECT_EQ(g_ledger.live(), live);
  EXPECT_EQ(pages_->dirty(), 31 * page_);
}

TEST_F(FreePagesTest, a_granule_that_was_left_is_the_next_ones) {
  free_whole(page(0), page(64));
  pages_->removed(k_granule, {page(1), page(64)});
  pages_->leave_granule(memory_);
  auto other = std::make_unique<FreePages>();
  other->start();
  other->extended(k_granule, 0);
  other->freed(page(0), page(8), page(0), page(8));
  EXPECT_EQ(other->dirty_in({page(1), page(8)}), 7 * page_);
  EXPECT_EQ(pages_->dirty_in({page(1), page(8)}), 0U);
  other->stop();
  EXPECT_EQ(other->dirty(), 0U);
  pages_->extended(k_granule, 0);
}

TEST_F(FreePagesTest, pages_go_that_are_dirty_and_they_read_as_zero) {
  free_touched(4, 12);
  EXPECT_EQ(purge(SIZE_MAX), (Ranges{{4, 12}}));
  EXPECT_EQ(pages_->dirty(), 0U);
  EXPECT_EQ(free_bytes(), 8 * page_);
  EXPECT_EQ(purge(SIZE_MAX), Ranges{});
}

TEST_F(FreePagesTest, no_more_go_than_are_wanted_and_the_next_are_others) {
  free_whole(page(4) - k_tags, page(8));
  free_whole(page(10) - k_tags, page(14));
  EXPECT_EQ(purge(page_ + 1), (Ranges{{4, 6}}));
  EXPECT_EQ(purge(3 * page_), (Ranges{{6, 8}, {10, 11}}));
  // Freed again meanwhile: its turn comes when the hand has been round.
  pages_->taken(page(4) - k_tags, page(8), page(8));
  free_whole(page(4) - k_tags, page(8));
  EXPECT_EQ(purge(4 * page_), (Ranges{{11, 14}, {4, 5}}));
}

TEST_F(FreePagesTest, whole_extents_go_first) {
  if (k_granule < 4 * k_mib) GTEST_SKIP() << "a granule has no such extent";
  const size_t extent = 2 * k_mib / page_;
  free_whole(page(4) - k_tags, page(8));
  free_whole(page(extent - 8), page(3 * extent + 8));
  EXPECT_EQ(purge(page_), (Ranges{{extent, 2 * extent}}));
  EXPECT_EQ(purge(2 * k_mib + page_), (Ranges{{2 * extent, 3 * extent + 1}}));
}

TEST_F(FreePagesTest, what_is_spared_stays) {
  free_whole(page(4) - k_tags, page(16));
  EXPECT_EQ(purge(SIZE_MAX, {page(6), page(9)}), (Ranges{{4, 6}, {9, 16}}));
  EXPECT_EQ(pages_->dirty(), 3 * page_);
  EXPECT_EQ(purge(SIZE_MAX), (Ranges{{6, 9}}));
}

TEST_F(FreePagesTest, a_second_purge_waits_for_the_first) {
  free_whole(page(4), page(12));
  const FreePages::Purge* first = pages_->begin_purge(page_);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(pages_->begin_purge(page_), nullptr);
  pages_->end_purge(first->bytes);
  EXPECT_NE(pages_->begin_purge(page_), nullptr);
  pages_->end_purge(page_);
}

TEST_F(FreePagesTest, what_the_kernel_refuses_is_dirty_again_and_still_retained) {
  free_whole(page(4) - k_tags, page(8));
  free_whole(page(10) - k_tags, page(14));
  pages_->tell();
  const size_t kept = g_ledger.retained(Keeper::chunks);
  ASSERT_NE(pages_->begin_purge(SIZE_MAX), nullptr);
  EXPECT_EQ(pages_->dirty(), 0U);
  pages_->end_purge(4 * page_);
  // Who wants them finds out.
  pages_->taken(page(10) - k_tags, page(11), page(14));
  EXPECT_EQ(pages_->dirty(), 2 * page_);
  EXPECT_EQ(pages_->clean_of_last_taken().size(), 0U);
  pages_->tell();
  EXPECT_EQ(g_ledger.retained(Keeper::chunks), kept - 6 * page_);
}

TEST_F(FreePagesTest, in_a_child_a_purge_under_way_has_not_happened) {
  free_whole(page(4) - k_tags, page(8));
  ASSERT_NE(pages_->begin_purge(SIZE_MAX), nullptr);
  pages_->restart_in_child();
  EXPECT_EQ(pages_->dirty(), 4 * page_);
  EXPECT_EQ(purge(SIZE_MAX), (Ranges{{4, 8}}));
}

TEST_F(FreePagesTest, without_memory_for_bits_pages_are_free_but_not_known_to_be_clean) {
  auto other = std::make_unique<FreePages>();
  other->start();
  // A granule that never had any.
  std::vector<void*> tried{os::reserve(k_granule, k_granule)};
  while (page_bits_at(address_of(tried.back())) != nullptr)
    tried.push_back(os::reserve(k_granule, k_granule));
  const uintptr_t memory = address_of(tried.back());
  other->extended(k_granule, 0);
  // Batches are shared: the one that is begun must be used up before the kernel is asked.
  os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::map), true);
  while (take_for_good(4096) != nullptr) {
  }
  other->freed(memory, memory + 8 * page_, memory, memory + 8 * page_);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(other->dirty(), 0U);
  EXPECT_EQ(k_granule - other->in_use(), 7 * page_);
  EXPECT_EQ(other->begin_purge(SIZE_MAX), nullptr);
  other->taken(memory, memory + 8 * page_, memory + 8 * page_);
  EXPECT_EQ(other->clean_of_last_taken().size(), 0U);
  EXPECT_EQ(other->in_use(), k_granule);
  other->stop();
  for (void* granule : tried) os::unmap(granule, k_granule);
}

TEST(FreePages, where_nothing_is_tracked_nothing_is_free) {
  FreePages pages;
  pages.freed(4096, 65536, 4096, 65536);
  pages.taken(4096, 65536, 65536);
  EXPECT_EQ(pages.inside(4096, 65536).size(), 0U);
  EXPECT_EQ(pages.dirty(), 0U);
  EXPECT_EQ(pages.begin_purge(SIZE_MAX), nullptr);
}

}  // namespace
}  // namespace arenite::chunk
