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
  give(slab_, block_);
  EXPECT_EQ(breach(slab_), "");
  retire_active(slab_);
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

TEST_F(SlabVerifyTest, S1_a_slab_whose_words_are_elsewhere) {
  slab_->words++;
  EXPECT_EQ(breach(slab_), "S1: a slab's header is not that of its class");
  slab_->words--;
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

TEST_F(SlabVerifyTest, S2_a_free_page_with_remote_bits) {
  Slab* other = make(64);
  remote_word(other, 5).store(1);
  other->block_count = 0;
  region_->give_page(other);
  EXPECT_EQ(breach(), "S2: a free page has remote bits");
}

TEST_F(SlabVerifyTest, S2_a_bit_that_starts_no_block) {
  store(slab_->words[3], load(slab_->words[3]) | ~starts_in(slab_->size_class, 3));
  EXPECT_EQ(breach(slab_), "S2: a bit that starts no block is set");
  EXPECT_EQ(running(slab_), "S2: a bit that starts no block is set");
}

TEST_F(SlabVerifyTest, S2_a_remote_bit_that_starts_no_block) {
  remote_word(slab_, 0).store(2);
  EXPECT_EQ(running(slab_), "S2: a bit that starts no block is set");
}

TEST_F(SlabVerifyTest, S2_an_active_bit_that_starts_no_block) {
  store(slab_->active_word, load(slab_->active_word) | 2);
  EXPECT_EQ(breach(slab_), "S2: a bit that starts no block is set");
}

TEST_F(SlabVerifyTest, S2_a_block_free_with_its_owner_and_remotely) {
  give(slab_, block_);
  give_remotely(slab_, block_);
  EXPECT_EQ(breach(slab_), "S2: a block is free in two places");
}

TEST_F(SlabVerifyTest, S4_an_active_word_whose_place_is_not_empty) {
  store(slab_->words[0], 1);
  EXPECT_EQ(breach(slab_), "S4: the active word is not alone in its place");
}

TEST_F(SlabVerifyTest, S4_an_active_word_that_is_none_of_the_slabs) {
  Slab* large = make(4096);
  take(large);
  large->active = 5;
  EXPECT_EQ(breach(large), "S4: the active word is none of the slab's");
}

TEST_F(SlabVerifyTest, S4_an_active_word_that_hands_out_another_words_blocks) {
  slab_->active_base += 64;
  EXPECT_EQ(breach(slab_), "S4: the active word's blocks start elsewhere");
}

TEST_F(SlabVerifyTest, S4_blocks_to_hand_out_without_an_active_word) {
  retire_active(slab_);
  store(slab_->active_word, 1);
  EXPECT_EQ(breach(slab_), "S4: free blocks in an active word that is none");
}

TEST_F(SlabVerifyTest, S3_a_word_that_the_summary_does_not_name) {
  slab_->summary &= ~uint32_t{2};
  EXPECT_EQ(breach(slab_), "S3: the summary and its word differ");
}

TEST_F(SlabVerifyTest, S3_a_summary_that_names_an_empty_word) {
  slab_->summary |= 1;
  EXPECT_EQ(breach(slab_), "S3: the summary and its word differ");
}

TEST_F(SlabVerifyTest, S3_a_summary_that_names_words_that_are_none) {
  Slab* large = make(4096);
  large->summary |= 2;
  EXPECT_EQ(breach(large), "S3: the summary names words that are none");
}

TEST_F(SlabVerifyTest, S3_a_remote_word_that_the_summary_does_not_name) {
  give_remotely(slab_, block_);
  slab_->remote_summary.store(0);
  EXPECT_EQ(breach(slab_), "S3: a remote word that the summary does not name");
  Breach found;
  EXPECT_TRUE(verify_at_rest(slab_, Company::present, found)) << "a thread may be about to";
}

TEST_F(SlabVerifyTest, S4_an_active_word_in_a_slab_that_is_not_current) {
  slab_->place.store(Place::moving);
  EXPECT_EQ(breach(slab_), "S4: a slab that is not current has an active word");
}

TEST_F(SlabVerifyTest, S4_an_owner_that_left_the_active_word_half_changed) {
  slab_->claims++;
  EXPECT_EQ(breach(slab_), "S4: the active word is being changed");
}

TEST_F(SlabVerifyTest, S7_a_used_block_in_a_page_that_was_purged) {
  retire_active(slab_);
  owner_.list(slab_);
  links_of(slab_).purged.store(0x02);
  EXPECT_EQ(breach(slab_), "");
  links_of(slab_).purged.store(0x01);
  EXPECT_EQ(breach(slab_), "S7: a used block lies in a page that was purged");
}

TEST_F(SlabVerifyTest, S7_purged_pages_in_a_slab_that_is_allocated_from) {
  links_of(slab_).purged.store(8);
  EXPECT_EQ(breach(slab_), "S7: pages are noted as purged in a slab that is not listed");
}

TEST_F(SlabVerifyTest, S7_a_free_page_that_has_holes) {
  slab_->block_count = 0;
  region_->give_page(slab_);
  EXPECT_EQ(breach(), "");
  links_of(slab_).purged.store(8);
  EXPECT_EQ(breach(), "S7: a free page has pages noted as purged");
}

class ListVerifyTest : public SlabVerifyTest {
 protected:
  ListVerifyTest() {
    retire_active(slab_);
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

TEST_F(ListVerifyTest, S5_a_listed_slab_that_is_said_to_be_current) {
  slab_->place.store(Place::current);
  EXPECT_EQ(lists(), "S5: a slab in a list says that it is elsewhere");
}

TEST_F(ListVerifyTest, S5_a_listed_slab_with_an_active_word) {
  claim(slab_);
  EXPECT_EQ(lists(), "S5: a listed slab has an active word");
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

TEST_F(ListVerifyTest, S5_a_list_that_lost_a_slab) {
  links_of(slab_).next = nullptr;
  EXPECT_EQ(lists(), "S5: a list is shorter than its count");
}

TEST_F(ListVerifyTest, S5_a_list_with_a_slab_that_nobody_counted) {
  Slab* third = make(48);
  links_of(third).next = nullptr;
  links_of(third).prev = second_;
  links_of(second_).next = third;
  EXPECT_EQ(lists(), "S5: a list is longer than its count");
}

}  // namespace
}  // namespace arenite::slab
