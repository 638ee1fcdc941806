// Region: its geometry, and pages that are taken, given back and purged.
#include "slab/region.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <algorithm>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

// Every header there is, of metadata pages too.
Slab* header_of_page(const Region* region, size_t page) {
  return at_address<Slab>(region_of(region) + page * sizeof(Slab));
}

constexpr unsigned k_purges = 1U << static_cast<unsigned>(os::Call::purge);

class RegionTest : public OwnRegion {
 protected:
  // Takes every page there is.
  std::vector<Slab*> take_all() {
    std::vector<Slab*> pages;
    while (Slab* page = region_->take_page()) pages.push_back(page);
    return pages;
  }
  static bool is_resident(const void* p) {
    unsigned char resident = 0;
    EXPECT_EQ(mincore(at_address<void>(align_down(address_of(p), os::page_size())), 1, &resident),
              0);
    return (resident & 1) != 0;
  }
};

TEST_F(RegionTest, an_address_and_its_header_lead_to_each_other) {
  for (size_t page = k_first_page; page < k_end_page; page++) {
    const uintptr_t memory = region_of(region_) + page * k_slab_size;
    Slab* slab = header_of_page(region_, page);
    EXPECT_EQ(address_of(memory_of(slab)), memory);
    EXPECT_EQ(slab_of(at_address<void>(memory)), slab);
    EXPECT_EQ(slab_of(at_address<void>(memory + k_slab_size - 1)), slab);
    EXPECT_EQ(page_number(slab), page);
  }
}

TEST_F(RegionTest, headers_state_links_words_used_bits_marks_and_pages_do_not_overlap) {
  struct Range {
    uintptr_t begin;
    uintptr_t end;
  };
  std::vector<Range> ranges;
  const auto add = [&](const void* start, size_t size) {
    ranges.push_back({address_of(start), address_of(start) + size});
  };
  const uintptr_t start = region_of(region_);
  add(at_address(start), k_region_pages * sizeof(Slab));
  add(region_, sizeof(Region));
  for (size_t page = k_first_page; page < k_end_page; page++) {
    const Slab* slab = header_of_page(region_, page);
    add(&links_of(slab), sizeof(SlabLinks));
    for (unsigned i = 0; i < k_most_words; i++) {
      add(&word_of(slab, i), sizeof(uint64_t));
      add(&mark_of(slab, i * 64), 64);
      EXPECT_EQ(&mark_of(slab, i * 64 + 63), &mark_of(slab, i * 64) + 63);
    }
    const uint64_t* used = &used_word(memory_of(slab));
    add(used, k_used_stride);
    EXPECT_EQ(&used_word(memory_of(slab) + k_slab_size - 1),
              used + k_used_stride / sizeof(uint64_t) - 1);
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges.size(); i++)
    ASSERT_LE(ranges[i - 1].end, ranges[i].begin) << "range " << i;
  EXPECT_EQ(ranges.front().begin, start);
  EXPECT_LE(ranges.back().end, start + k_metadata_pages * k_slab_size);
}

TEST_F(RegionTest, the_words_of_neighbours_do_not_share_a_line_of_the_cache) {
  const Slab* slab = header_of_page(region_, k_first_page);
  for (unsigned i = 0; i < k_most_words; i++)
    EXPECT_NE(address_of(&word_of(slab, i)) / 64, address_of(&word_of(slab + 1, i)) / 64);
  EXPECT_EQ(address_of(&links_of(slab)) % 64, 0U);
}

TEST_F(RegionTest, the_links_of_a_slab_and_its_first_words_share_a_line_of_the_cache) {
  const Slab* slab = header_of_page(region_, k_first_page);
  for (unsigned i = 0; i < k_most_words; i++) {
    const uintptr_t line = address_of(&word_of(slab, i)) / 64;
    EXPECT_EQ(line == address_of(&links_of(slab)) / 64, i < 4) << "word " << i;
    if (i < 4) continue;
    EXPECT_EQ(line, address_of(&word_of(slab, i < 12 ? 4 : 12)) / 64) << "word " << i;
  }
}

TEST_F(RegionTest, the_marks_of_64_blocks_are_one_line_of_the_cache) {
  const Slab* slab = header_of_page(region_, k_first_page);
  for (unsigned i = 0; i < k_most_words; i++)
    EXPECT_EQ(address_of(&mark_of(slab, i * 64)) % 64, 0U);
}

TEST_F(RegionTest, marks_are_read_as_bits_each_at_its_place) {
  const Slab* slab = header_of_page(region_, k_first_page);
  for (unsigned number = 0; number < k_most_words * 64; number++) {
    mark_of(slab, number).store(1);
    for (unsigned i = 0; i < k_most_words; i++)
      ASSERT_EQ(marks_in(slab, i), i == number / 64 ? uint64_t{1} << (number % 64) : 0);
    mark_of(slab, number).store(0);
  }
  for (unsigned number = 64; number < 128; number++) mark_of(slab, number).store(1);
  EXPECT_EQ(marks_in(slab, 1), ~uint64_t{0});
}

TEST_F(RegionTest, a_region_and_any_address_in_it_lead_to_each_other) {
  EXPECT_EQ(region_at(header_of_page(region_, k_first_page)), region_);
  EXPECT_EQ(region_at(at_address<void>(region_of(region_) + k_region_size - 1)), region_);
}

TEST_F(RegionTest, is_known_as_slabs_and_whole_from_the_start) {
  EXPECT_EQ(g_kind_map.at(region_), Kind::slab_region);
  EXPECT_EQ(region_of(region_) % k_region_size, 0U);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(region_->free_pages(), k_end_page - k_first_page);
  EXPECT_EQ(region_->dirty_pages(), 0U);
}

TEST_F(RegionTest, each_page_is_handed_out_once_until_there_is_none) {
  const std::vector<Slab*> pages = take_all();
  ASSERT_EQ(pages.size(), k_end_page - k_first_page);
  for (size_t i = 0; i < pages.size(); i++) EXPECT_EQ(page_number(pages[i]), k_first_page + i);
  EXPECT_EQ(region_->free_pages(), 0U);
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTest, all_of_a_page_that_was_taken_can_be_written) {
  for (Slab* page : take_all()) {
    *memory_of(page) = 1;
    *(memory_of(page) + k_slab_size - 1) = 1;
  }
}

TEST_F(RegionTest, the_guard_and_pages_never_taken_have_no_access) {
  Slab* first = region_->take_page();
  const char* guard = memory_of(first) - k_guard_pages * k_slab_size;
  EXPECT_FALSE(os::is_readable(guard));
  EXPECT_FALSE(os::is_readable(memory_of(first) - 8));
  EXPECT_TRUE(os::is_readable(guard - 8)) << "the metadata ends where the guard begins";
  EXPECT_TRUE(os::is_readable(memory_of(first)));
  EXPECT_FALSE(os::is_readable(at_address(region_of(region_) + k_region_size - 8)));
  for (size_t page = 0; page < k_end_page - k_first_page - 1; page++) region_->take_page();
  EXPECT_FALSE(os::is_readable(memory_of(first) - 8)) << "all pages are in use, the guard is not";
}

TEST_F(RegionTest, a_page_given_back_is_taken_before_one_never_used) {
  Slab* first = region_->take_page();
  Slab* second = region_->take_page();
  region_->give_page(first);
  EXPECT_EQ(region_->dirty_pages(), 1U);
  EXPECT_EQ(region_->take_page(), first);
  EXPECT_EQ(region_->dirty_pages(), 0U);
  EXPECT_EQ(page_number(region_->take_page()), page_number(second) + 1);
}

TEST_F(RegionTest, a_page_that_holds_memory_is_taken_before_a_purged_one) {
  Slab* first = region_->take_page();
  Slab* second = region_->take_page();
  region_->give_page(first);
  EXPECT_EQ(purge(), 1U);
  region_->give_page(second);
  EXPECT_EQ(region_->take_page(), second);
  EXPECT_EQ(region_->take_page(), first) << "purged, but before one never used";
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTest, purging_gives_the_memory_of_free_pages_back_and_of_no_other) {
  std::vector<Slab*> pages;
  for (int i = 0; i < 70; i++) {
    pages.push_back(region_->take_page());
    if (pages.back() == nullptr) {
      pages.pop_back();
      break;
    }
    *memory_of(pages.back()) = 1;
  }
  for (size_t i = 0; i < pages.size(); i += 3) region_->give_page(pages[i]);
  EXPECT_EQ(purge(), (pages.size() + 2) / 3);
  for (size_t i = 0; i < pages.size(); i++)
    EXPECT_EQ(is_resident(memory_of(pages[i])), i % 3 != 0) << "page " << i;
  EXPECT_EQ(region_->dirty_pages(), 0U);
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTest, purging_twice_finds_nothing_the_second_time) {
  region_->give_page(region_->take_page());
  EXPECT_EQ(purge(), 1U);
  EXPECT_EQ(purge(), 0U);
}

TEST_F(RegionTest, a_refused_purge_leaves_the_pages_to_be_purged_later) {
  std::vector<Slab*> pages;
  for (int i = 0; i < 5; i++) pages.push_back(region_->take_page());
  region_->give_page(pages[0]);
  region_->give_page(pages[2]);
  region_->give_page(pages[4]);
  os::g_fault_plan.fail_nth(1, k_purges, true);
  EXPECT_EQ(purge(), 0U);
  EXPECT_EQ(region_->dirty_pages(), 3U);
  EXPECT_EQ(breach(), "");
  // The first goes, the second does not.
  os::g_fault_plan.fail_nth(2, 1U << static_cast<unsigned>(os::Call::purge), true);
  EXPECT_EQ(purge(Pick::any, k_slab_size), 1U);
  EXPECT_EQ(purge(Pick::any, k_slab_size), 0U);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(region_->dirty_pages(), 2U);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(purge(), 2U);
}

TEST_F(RegionTest, a_refused_step_of_access_is_asked_for_in_single_pages) {
  os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::commit));
  Slab* page = region_->take_page();
  ASSERT_NE(page, nullptr);
  *(memory_of(page) + k_slab_size - 1) = 1;
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTest, without_access_to_be_had_there_is_no_page_and_nothing_changes) {
  const unsigned commit = 1U << static_cast<unsigned>(os::Call::commit);
  os::g_fault_plan.fail_nth(1, commit, true);
  EXPECT_EQ(region_->take_page(), nullptr);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(region_->free_pages(), k_end_page - k_first_page);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(page_number(region_->take_page()), k_first_page);
}

TEST_F(RegionTest, a_page_given_back_is_taken_while_access_is_refused) {
  Slab* page = region_->take_page();
  region_->give_page(page);
  os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::commit), true);
  EXPECT_EQ(region_->take_page(), page);
}

TEST_F(RegionTest, a_region_that_cannot_be_made_leaves_nothing_behind) {
  for (const os::Call call : {os::Call::map, os::Call::commit}) {
    os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(call));
    EXPECT_EQ(Region::create(), nullptr);
    os::g_fault_plan.fail_nth(0);
  }
}

TEST_F(RegionTest, slabs_and_only_slabs_are_visited) {
  Slab* slab = make(64);
  region_->take_page();  // no slab yet
  Slab* other = make(1024);
  std::vector<Slab*> seen;
  region_->for_each_slab([&](Slab* s) { seen.push_back(s); });
  EXPECT_EQ(seen, (std::vector<Slab*>{slab, other}));
}

TEST_F(RegionTest, a_page_that_is_picked_is_nobodys_until_it_is_put_back) {
  Slab* page = region_->take_page();
  region_->give_page(page);
  const size_t free = region_->free_pages();
  PurgeBatch batch;
  EXPECT_TRUE(region_->pick(Pick::any, SIZE_MAX, batch));
  ASSERT_EQ(batch.count, 1U);
  EXPECT_EQ(batch.ranges[0].start, memory_of(page));
  EXPECT_EQ(batch.bytes, k_slab_size);
  EXPECT_EQ(region_->free_pages(), free - 1);
  EXPECT_EQ(region_->dirty_pages(), 0U);
  EXPECT_FALSE(region_->take_dirty(page));
  Slab* other = region_->take_page();
  EXPECT_NE(other, page);
  EXPECT_EQ(region_->held_pages(), 2U);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(region_->put_back(batch.ranges[0], true), 1U);
  EXPECT_EQ(region_->held_pages(), 1U);
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(region_->take_page(), page);
}

TEST_F(RegionTest, picked_pages_that_nobody_puts_back_are_had_back_dirty) {
  std::vector<Slab*> pages;
  for (int i = 0; i < 5; i++) pages.push_back(region_->take_page());
  for (Slab* page : pages) region_->give_page(page);
  PurgeBatch batch;
  region_->pick(Pick::any, 3 * k_slab_size, batch);
  EXPECT_EQ(region_->dirty_pages(), 2U);
  region_->put_all_back();
  EXPECT_EQ(region_->dirty_pages(), 5U);
  EXPECT_EQ(region_->free_pages(), k_end_page - k_first_page);
  EXPECT_EQ(breach(), "");
}

TEST_F(RegionTest, no_more_is_picked_than_is_asked_for) {
  for (Slab* page : take_all()) region_->give_page(page);
  PurgeBatch batch;
  EXPECT_FALSE(region_->pick(Pick::any, 3 * k_slab_size, batch));
  EXPECT_EQ(batch.bytes, 3 * k_slab_size);
  EXPECT_EQ(batch.count, 1U) << "pages side by side are one range";
}

TEST_F(RegionTest, what_was_freed_before_the_hand_came_by_is_purged_before_what_was_freed_since) {
  Slab* first = region_->take_page();
  Slab* second = region_->take_page();
  region_->give_page(second);
  EXPECT_EQ(purge(Pick::old), 0U) << "it has a chance";
  region_->give_page(first);
  EXPECT_EQ(purge(Pick::old), 1U);
  EXPECT_TRUE(region_->take_dirty(first));
  EXPECT_FALSE(region_->take_dirty(second)) << "this one was purged";
}

TEST_F(RegionTest, a_dirty_page_is_found_wherever_the_last_one_was) {
  const std::vector<Slab*> pages = take_all();
  for (Slab* page : {pages.back(), pages.front(), pages.back(), pages.front()}) {
    region_->give_page(page);
    EXPECT_EQ(breach(), "");
    EXPECT_EQ(region_->take_page(), page);
  }
  // What the kernel refused to take, and what a purger left, are as dirty as before.
  for (const bool is_left : {false, true}) {
    region_->give_page(pages.front());
    PurgeBatch batch;
    region_->pick(Pick::any, SIZE_MAX, batch);
    region_->give_page(pages.back());
    EXPECT_EQ(region_->take_page(), pages.back());
    if (is_left) {
      region_->put_all_back();
    } else {
      region_->put_back(batch.ranges[0], false);
    }
    EXPECT_EQ(breach(), "");
    EXPECT_EQ(region_->take_page(), pages.front());
  }
}

TEST_F(RegionTest, whole_extents_can_be_picked_alone) {
  std::vector<Slab*> pages = take_all();
  constexpr size_t k_pages = Region::k_extent_pages;
  if (k_region_pages < k_pages) GTEST_SKIP() << "the region is smaller than an extent";
  // In the second half of the third extent.
  constexpr size_t k_used = 3 * k_pages - 10;
  for (Slab* page : pages) {
    if (page_number(page) != k_used) region_->give_page(page);
  }
  PurgeBatch batch;
  EXPECT_FALSE(region_->pick(Pick::extents, 2 * k_mib, batch));
  ASSERT_EQ(batch.count, 1U);
  EXPECT_EQ(batch.ranges[0].size, 2 * k_mib);
  EXPECT_EQ(address_of(batch.ranges[0].start) % (2 * k_mib), 0U);
  EXPECT_EQ(region_->put_back(batch.ranges[0], true), k_pages);
  purge(Pick::extents);
  for (const Slab* page : pages) {
    const size_t extent = page_number(page) / k_pages;
    const bool is_whole =
        extent != 0 && extent != k_used / k_pages && extent != k_region_pages / k_pages - 1;
    EXPECT_EQ(region_->take_dirty(page), !is_whole && page_number(page) != k_used)
        << page_number(page);
  }
}

TEST_F(RegionTest, refused_words_are_asked_for_again) {
  std::vector<Slab*> slabs;
  while (Slab* slab = make(16)) slabs.push_back(slab);
  for (Slab* slab : slabs) give_page(slab);
  purge();
  PurgeBatch refused;
  EXPECT_TRUE(region_->pick_words(refused));
  region_->put_back_words(false);
  EXPECT_EQ(region_->free_pages(), slabs.size());
  PurgeBatch again;
  EXPECT_TRUE(region_->pick_words(again));
  EXPECT_EQ(again.bytes, refused.bytes);
  region_->put_all_back();
  EXPECT_EQ(region_->free_pages(), slabs.size());
  EXPECT_EQ(region_->dirty_pages(), 0U) << "they are clean all the time";
  EXPECT_EQ(breach(), "");
}

}  // namespace
}  // namespace arenite::slab
