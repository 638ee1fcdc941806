// Verify: each invariant of slabs, broken on purpose, is named.
#include "slab/verify.hpp"

#include <gtest/gtest.h>
#include <string>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

class SlabVerifyTest : public OwnRegion {
 protected:
  using OwnRegion::breach;

  static std::string running(const Slab* slab) {
    Breach breach;
    return verify_running(slab, breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }
  std::string lists() const {
    Breach breach;
    return verify_lists(owner_, breach) ? "" : std::string(breach.invariant) + ": " + breach.what;
  }

  Slab* const slab_ = make(48);  // a block starts in every third granule
  void* const block_ = take(slab_);
};

TEST_F(SlabVerifyTest, finds_nothing_wrong_with_a_sound_slab) {
  EXPECT_EQ(breach(slab_), "");
  EXPECT_EQ(running(slab_), "");
  EXPECT_EQ(breach(), "");
  give_remotely(slab_, block_);
  EXPECT_EQ(breach(slab_), "");
  collect(slab_);
  EXPECT_EQ(breach(slab_), "");
  const void* aside = take_aside(slab_);
  EXPECT_EQ(breach(slab_), "");
  put_back(slab_, aside);
  owner_.list(slab_);
  EXPECT_EQ(breach(slab_), "");
  EXPECT_EQ(lists(), "");
}

TEST_F(SlabVerifyTest, S1_a_slab_of_no_class) {
  slab_->size_class = k_classes;
  EXPECT_EQ(breach(slab_), "S1: a slab of no class");
  EXPECT_EQ(running(slab_), "S1: a slab of no class");
}

TEST_F(SlabVerifyTest, S1_a_slab_with_another_classs_numbers) {
  slab_->block_count--;
  EXPECT_EQ(breach(slab_), "S1: a slab's header is not that of its class");
  EXPECT_EQ(running(slab_), "S1: a slab's header is not that of its class");
}

TEST_F(SlabVerifyTest, S1_a_page_both_free_and_a_slab) {
  region_->give_page(slab_);
  EXPECT_EQ(breach(), "S1: a page is free and a slab");
}

TEST_F(SlabVerifyTest, S1_a_page_given_back_twice) {
  Slab* page = region_->take_page();
  region_->give_page(page);
  region_->give_page(page);
  EXPECT_EQ(breach(), "S1: free pages and their count differ");
}

TEST_F(SlabVerifyTest, S1_a_slab_where_no_page_was_taken) {
  (slab_ + 1)->block_count = 1;
  EXPECT_EQ(breach(), "S1: a slab where no page was taken");
}

TEST_F(SlabVerifyTest, S1_a_slab_in_the_metadata) {
  at_address<Slab>(region_of(slab_))->block_count = 1;
  EXPECT_EQ(breach(), "S1: a slab where no page was taken");
}

TEST_F(SlabVerifyTest, S1_a_page_beyond_all_that_were_taken_given_back) {
  region_->give_page(slab_ + 1);
  EXPECT_EQ(breach(), "S1: a free page that was never taken");
}

TEST_F(SlabVerifyTest, S2_a_free_page_with_marks) {
  Slab* other = make(64);
  mark_of(other, 5 * 64).store(1);
  other->block_count = 0;
  region_->give_page(other);
  EXPECT_EQ(breach(), "S2: a free page has marks");
}

TEST_F(SlabVerifyTest, S2_a_free_page_with_blocks_in_use) {
  Slab* other = make(64);
  take(other);
  other->block_count = 0;
  region_->give_page(other);
  EXPECT_EQ(breach(), "S2: a free page has blocks in use");
}

TEST_F(SlabVerifyTest, S2_a_bit_that_starts_no_block) {
  uint64_t& word = word_of(slab_, 3);
  store(word, load(word) | ~starts_in(slab_->size_class, 3));
  EXPECT_EQ(breach(slab_), "S2: a bit that starts no block is set");
  EXPECT_EQ(running(slab_), "S2: a bit that starts no block is set");
}

TEST_F(SlabVerifyTest, S2_a_mark_of_no_block) {
  mark_of(slab_, slab_->block_count).store(1);
  EXPECT_EQ(breach(slab_), "S2: what is no block is marked");
  EXPECT_EQ(running(slab_), "S2: what is no block is marked");
}

TEST_F(SlabVerifyTest, S2_a_used_bit_that_starts_no_block) {
  set_used(beyond(block_, 16));
  EXPECT_EQ(breach(slab_), "S2: what starts no block is in use");
  EXPECT_EQ(running(slab_), "S2: what starts no block is in use");
}

TEST_F(SlabVerifyTest, S2_a_used_bit_behind_the_last_block) {
  Slab* large = make(5376);
  set_used(memory_of(large) + size_t{3} * 5376);
  EXPECT_EQ(breach(large), "S2: what starts no block is in use");
}

TEST_F(SlabVerifyTest, S2_a_block_free_and_in_use) {
  put_back(slab_, block_);
  EXPECT_EQ(breach(slab_), "S2: a block is free and in use");
}

TEST_F(SlabVerifyTest, S2_a_block_free_with_its_owner_and_marked) {
  give_remotely(slab_, block_);
  give(slab_, block_);
  EXPECT_EQ(breach(slab_), "S2: a block is free and in use");
}

TEST_F(SlabVerifyTest, S2_a_block_in_a_magazine_and_marked) {
  give_remotely(slab_, block_);
  EXPECT_TRUE(set_unused(block_));
  EXPECT_EQ(breach(slab_), "S2: a block is free in two places");
}

TEST_F(SlabVerifyTest, S3_a_word_that_the_summary_does_not_name) {
  slab_->summary &= static_cast<uint16_t>(~2U);
  EXPECT_EQ(breach(slab_), "S3: the summary and its word differ");
}

TEST_F(SlabVerifyTest, S3_a_summary_that_names_an_empty_word) {
  take_all(slab_);
  slab_->summary |= 1;
  EXPECT_EQ(breach(slab_), "S3: the summary and its word differ");
}

TEST_F(SlabVerifyTest, S3_a_summary_that_names_words_that_are_none) {
  Slab* large = make(4096);
  large->summary |= 2;
  EXPECT_EQ(breach(large), "S3: the summary names words that are none");
}

TEST_F(SlabVerifyTest, S3_a_free_block_that_is_not_counted) {
  slab_->free_count--;
  EXPECT_EQ(breach(slab_), "S3: the free blocks and their count differ");
}

TEST_F(SlabVerifyTest, S3_marks_that_the_header_does_not_name) {
  give_remotely(slab_, block_);
  EXPECT_EQ(breach(slab_), "");
  Breach found;
  slab_->has_remote.store(0);
  EXPECT_EQ(breach(slab_), "S3: marks that the slab's header does not name");
  EXPECT_TRUE(verify_at_rest(slab_, Company::present, found)) << "a thread may be about to";
  slab_->has_remote.store(1);
  slab_->remote_lines[0].store(0);
  EXPECT_EQ(breach(slab_), "S3: marks that the slab's header does not name");
  EXPECT_TRUE(verify_at_rest(slab_, Company::present, found)) << "a thread may be about to";
}

TEST_F(SlabVerifyTest, S4_a_full_slab_with_free_blocks) {
  slab_->place.store(Place::full);
  EXPECT_EQ(breach(slab_), "S4: a slab among the full ones has free blocks");
  take_all(slab_);
  EXPECT_EQ(breach(slab_), "");
  give_remotely(slab_, block_);
  EXPECT_EQ(breach(slab_), "") << "who marked it is about to list it";
}

TEST_F(SlabVerifyTest, S4_a_listed_slab_without_free_blocks) {
  take_all(slab_);
  slab_->place.store(Place::listed);
  EXPECT_EQ(breach(slab_), "S4: a slab among those with free blocks has none");
  give_remotely(slab_, block_);
  EXPECT_EQ(breach(slab_), "") << "marks will do";
}

TEST_F(SlabVerifyTest, S7_a_used_block_in_a_page_that_was_purged) {
  owner_.list(slab_);
  links_of(slab_).purged.store(0x02);
  EXPECT_EQ(breach(slab_), "");
  links_of(slab_).purged.store(0x01);
  EXPECT_EQ(breach(slab_), "S7: a used block lies in a page that was purged");
}

TEST_F(SlabVerifyTest, S7_a_block_of_a_magazine_in_a_page_that_was_purged) {
  EXPECT_TRUE(set_unused(block_));
  owner_.list(slab_);
  links_of(slab_).purged.store(0x01);
  EXPECT_EQ(breach(slab_), "S7: a used block lies in a page that was purged");
}

TEST_F(SlabVerifyTest, S7_purged_pages_in_a_slab_that_is_not_listed) {
  links_of(slab_).purged.store(8);
  EXPECT_EQ(breach(slab_), "S7: pages are noted as purged in a slab that is not listed");
}

TEST_F(SlabVerifyTest, S7_a_free_page_that_has_holes) {
  give(slab_, block_);
  give_page(slab_);
  EXPECT_EQ(breach(), "");
  links_of(slab_).purged.store(8);
  EXPECT_EQ(breach(), "S7: a free page has pages noted as purged");
}

class ListVerifyTest : public SlabVerifyTest {
 protected:
  ListVerifyTest() {
    owner_.list(slab_);
    owner_.list(second_);
  }

  Slab* const second_ = make(48);
};

TEST_F(ListVerifyTest, S5_a_listed_slab_of_another_owner) {
  Owner other;
  slab_->owner.store(&other);
  EXPECT_EQ(lists(), "S5: a listed slab is not the list's owner's");
}

TEST_F(ListVerifyTest, S5_a_listed_slab_that_is_said_to_be_full) {
  slab_->place.store(Place::full);
  EXPECT_EQ(lists(), "S5: a slab in a list says that it is elsewhere");
}

TEST_F(ListVerifyTest, S5_a_listed_slab_that_says_it_is_in_no_list) {
  links_of(slab_).list.store(nullptr);
  EXPECT_EQ(lists(), "S5: a slab in a list says that it is elsewhere");
}

TEST_F(ListVerifyTest, S5_a_slab_in_another_classs_list) {
  slab_->size_class++;
  EXPECT_EQ(lists(), "S5: a slab is in another class's list");
}

TEST_F(ListVerifyTest, S5_a_list_whose_way_back_leads_elsewhere) {
  links_of(second_).prev = nullptr;
  EXPECT_EQ(lists(), "S5: a list's way back is broken");
}

TEST_F(ListVerifyTest, S5_a_list_that_goes_in_circles) {
  links_of(second_).next = slab_;
  links_of(slab_).prev = second_;
  EXPECT_EQ(lists(), "S5: a list's way back is broken");
}

TEST_F(ListVerifyTest, S5_a_list_whose_last_slab_is_followed_by_the_first) {
  links_of(second_).next = slab_;
  EXPECT_EQ(lists(), "S5: a list's way back is broken");
}

TEST_F(ListVerifyTest, S5_a_list_that_lost_a_slab) {
  links_of(slab_).next = nullptr;
  EXPECT_EQ(lists(), "S5: a list's end is not its last slab");
}

TEST_F(ListVerifyTest, S5_a_list_with_a_slab_behind_the_last) {
  Slab* third = make(48);
  third->place.store(Place::listed);
  links_of(third).list.store(&owner_);
  links_of(third).next = nullptr;
  links_of(third).prev = second_;
  links_of(second_).next = third;
  EXPECT_EQ(lists(), "S5: a list's end is not its last slab");
}

class FullListVerifyTest : public SlabVerifyTest {
 protected:
  FullListVerifyTest() {
    for (Slab* slab : {slab_, second_}) {
      take_all(slab);
      owner_.list_full(slab);
    }
  }

  Slab* const second_ = make(48);
};

TEST_F(FullListVerifyTest, S5_nothing_is_wrong_with_a_sound_one) {
  EXPECT_EQ(lists(), "");
}

TEST_F(FullListVerifyTest, S5_a_full_slab_of_another_owner) {
  slab_->owner.store(nullptr);
  EXPECT_EQ(lists(), "S5: a listed slab is not the list's owner's");
}

TEST_F(FullListVerifyTest, S5_a_full_slab_that_is_said_to_be_listed) {
  slab_->place.store(Place::listed);
  EXPECT_EQ(lists(), "S5: a slab in a list says that it is elsewhere");
}

TEST_F(FullListVerifyTest, S5_a_full_list_that_lost_a_slab) {
  links_of(slab_).next = nullptr;
  EXPECT_EQ(lists(), "S5: a list's end is not its last slab");
}

TEST_F(FullListVerifyTest, S5_a_full_list_whose_way_back_leads_elsewhere) {
  links_of(second_).prev = nullptr;
  EXPECT_EQ(lists(), "S5: a list's way back is broken");
}

}  // namespace
}  // namespace arenite::slab
