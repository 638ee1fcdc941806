// Region: what is known of slabs goes with their pages.
#include <gtest/gtest.h>
#include <vector>

#include "os/resident_fixture.hpp"
#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

// A region full of slabs, each of which has been used and marked; all but one become pages.
class RegionTablesTest : public OwnRegion {
 protected:
  // The kernel's pages of a plane, or of several, that are resident, also those that were only
  // read.
  size_t resident(unsigned plane, size_t stride = k_line) const {
    size_t pages = 0;
    const uintptr_t table = region_of(region_) + plane * k_plane;
    for (uintptr_t p = align_up(table + k_first_page * stride, os::page_size());
         p < table + k_end_page * stride; p += os::page_size())
      pages += os::has_memory(at_address<void>(p), os::page_size()) ? 1 : 0;
    return pages;
  }
  size_t resident_words() const {
    size_t pages = 0;
    for (unsigned plane = k_words_plane; plane < k_used_plane; plane++) pages += resident(plane);
    return pages;
  }
  size_t resident_used() const { return resident(k_used_plane, k_used_stride); }
  size_t resident_marks(unsigned table) const {
    const unsigned first = MarkTables::k_first[table];
    return resident(k_marks_plane + first, (MarkTables::k_first[table + 1] - first) * k_line);
  }
  size_t purge_words() {
    size_t bytes = 0;
    for (bool is_done = false; !is_done;) {
      PurgeBatch batch;
      is_done = region_->pick_words(batch);
      EXPECT_EQ(breach(), "");
      EXPECT_EQ(os::purge(batch.ranges, batch.count), batch.bytes);
      region_->put_back_words(true);
      EXPECT_EQ(breach(), "");
      bytes += batch.bytes;
    }
    return bytes;
  }
  // Takes every page, and marks the first and the last block of each slab.
  void fill(size_t size) {
    while (Slab* slab = make(size)) {
      for (const void* block : {take(slab), static_cast<void*>(memory_of(slab) + last_of(size))}) {
        if (block != memory_of(slab)) {
          const uint32_t granule = granule_of(slab, block);
          word_of(slab, granule / 64) &= ~(uint64_t{1} << (granule % 64));
          slab->free_count--;
          set_used(block);
        }
        give_remotely(slab, block);
      }
      slabs_.push_back(slab);
    }
    kept_ = slabs_[slabs_.size() / 2];
  }
  static size_t last_of(size_t size) { return (k_slab_size / size - 1) * size; }
  void give_all_but_kept() {
    for (Slab* slab : slabs_) {
      if (slab == kept_) continue;
      ASSERT_TRUE(is_wholly_free(slab, slab->size_class));
      give_page(slab);
    }
  }

  std::vector<Slab*> slabs_;
  Slab* kept_ = nullptr;
};

TEST_F(RegionTablesTest, words_used_bits_and_marks_of_clean_pages_side_by_side_are_given_back_too) {
  fill(16);
  const size_t before = resident_words();
  if (before < 10) GTEST_SKIP() << "the words of half a region are less than a page";
  ASSERT_GE(resident_used(), 10U);
  for (const unsigned table : {0U, 2U}) ASSERT_GE(resident_marks(table), 10U);
  give_all_but_kept();
  EXPECT_EQ(purge_words(), 0U) << "as long as the pages are dirty their words stay";
  purge();
  EXPECT_NE(purge_words(), 0U);
  EXPECT_LE(resident_words(), 3 * 3U);
  EXPECT_LE(resident_used(), 2 * 3U) << "those beside them were looked at";
  EXPECT_LE(resident_marks(0), 3U);
  // Of the 32 slabs whose used bits are one page's.
  EXPECT_LE(resident_marks(2), 2U + 32 * 10 * k_line / os::page_size());
  EXPECT_EQ(breach(kept_), "");
  EXPECT_EQ(marks_in(kept_, 0), 1U);
  EXPECT_EQ(marks_in(kept_, k_most_words - 1), uint64_t{1} << 63);
  EXPECT_TRUE(is_used(memory_of(kept_)));
  EXPECT_EQ(count_free(kept_), kept_->block_count - 2);
  EXPECT_EQ(region_->free_pages(), slabs_.size() - 1);
  purge();
  EXPECT_EQ(purge_words(), 0U) << "once is enough";
  for (size_t i = 1; i < slabs_.size(); i++) {
    Slab* again = make(16);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(breach(again), "");
  }
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTablesTest, marks_that_were_never_made_are_not_asked_for) {
  fill(1024);  // one word of granules
  if (resident_words() < 10) GTEST_SKIP() << "the words of half a region are less than a page";
  const size_t marks = resident_marks(0);
  give_all_but_kept();
  purge();
  const size_t words = resident(k_words_plane) * (k_used_plane - k_words_plane);
  const size_t used = resident_used();
  const size_t bytes = purge_words();
  EXPECT_LE(resident_marks(0), 3U);
  EXPECT_LE(bytes, (words + used + marks) * os::page_size()) << "of one plane alone";
}

TEST_F(RegionTablesTest, a_table_shared_with_a_slab_goes_once_that_is_clean_too) {
  fill(16);
  if (resident_words() < 10) GTEST_SKIP() << "the words of half a region are less than a page";
  give_all_but_kept();
  purge();
  purge_words();
  give_page(kept_);
  purge();
  EXPECT_NE(purge_words(), 0U);
  // The first and the last of each table lie beside what is not the slabs'.
  EXPECT_LE(resident_words(), 3 * 2U);
  EXPECT_LE(resident_used(), 2U);
  for (const unsigned table : {0U, 2U}) EXPECT_LE(resident_marks(table), 2U);
}

}  // namespace
}  // namespace arenite::slab
