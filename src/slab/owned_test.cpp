// What an owner does with its slab: format, claim, retire, collect, free; and when a slab is empty.
#include "slab/owned.hpp"

#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

class OwnedTest : public OwnRegion {
 protected:
  // All of a slab's blocks, in the order in which they come.
  static std::vector<void*> take_all(Slab* slab) {
    std::vector<void*> blocks;
    while (has_free(slab)) blocks.push_back(take(slab));
    return blocks;
  }
  // Only for a slab without an active word.
  static bool is_empty(const Slab* slab) { return is_wholly_free(slab, slab->size_class); }
  static uint32_t count_of(const Slab* slab) { return info(slab->size_class).block_count; }
};

TEST_F(OwnedTest, bits_are_counted_right) {
  EXPECT_EQ(count_bits(0), 0U);
  EXPECT_EQ(count_bits(~uint64_t{0}), 64U);
  for (unsigned i = 0; i < 64; i++) {
    EXPECT_EQ(count_bits(uint64_t{1} << i), 1U);
    EXPECT_EQ(count_bits(~uint64_t{0} << i), 64 - i);
  }
}

TEST_F(OwnedTest, a_fresh_slab_of_every_class_is_whole_and_empty) {
  for (unsigned c = 0; c < k_classes && c < k_end_page - k_first_page; c++) {
    Slab* slab = make(info(c).size);
    ASSERT_NE(slab, nullptr);
    EXPECT_EQ(slab->size(), info(c).size);
    EXPECT_EQ(count_free(slab), info(c).block_count);
    EXPECT_EQ(breach(slab), "");
    EXPECT_TRUE(is_empty(slab));
  }
}

TEST_F(OwnedTest, every_block_of_every_class_comes_once_and_in_order) {
  for (unsigned c = 0; c < k_classes; c++) {
    Slab* slab = make(info(c).size);
    const std::vector<void*> blocks = take_all(slab);
    ASSERT_EQ(blocks.size(), info(c).block_count);
    for (size_t i = 0; i < blocks.size(); i++)
      ASSERT_EQ(blocks[i], memory_of(slab) + i * info(c).size) << info(c).size << "-byte blocks";
    EXPECT_EQ(count_free(slab), 0U);
    EXPECT_EQ(breach(slab), "");
    retire_active(slab);
    EXPECT_EQ(breach(slab), "");
    slab->block_count = 0;
    region_->give_page(slab);
  }
}

TEST_F(OwnedTest, a_claimed_word_leaves_its_place_empty) {
  Slab* slab = make(64);
  take(slab);
  EXPECT_EQ(slab->active, 0U);
  EXPECT_EQ(load(slab->words[0]), 0U);
  EXPECT_EQ(load(slab->active_word), ~uint64_t{1});
  EXPECT_EQ(slab->summary & 1, 0U);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, retiring_puts_the_rest_of_the_active_word_back) {
  Slab* slab = make(64);
  const void* block = take(slab);
  retire_active(slab);
  EXPECT_EQ(slab->active, Slab::k_no_word);
  EXPECT_EQ(load(slab->words[0]), ~uint64_t{1});
  EXPECT_EQ(breach(slab), "");
  EXPECT_FALSE(is_empty(slab));
  give(slab, block);
  EXPECT_TRUE(is_empty(slab));
}

TEST_F(OwnedTest, retiring_a_word_without_a_free_block_leaves_the_summary_alone) {
  Slab* slab = make(1024);
  take_all(slab);
  retire_active(slab);
  EXPECT_EQ(slab->summary, 0U);
  EXPECT_EQ(slab->active, Slab::k_no_word);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, retiring_without_an_active_word_changes_nothing) {
  Slab* slab = make(64);
  retire_active(slab);
  EXPECT_EQ(slab->claims, 0U);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_block_freed_into_the_active_word_comes_back_before_higher_ones) {
  Slab* slab = make(64);
  void* first = take(slab);
  take(slab);
  give(slab, first);
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take(slab), first);
}

TEST_F(OwnedTest, a_block_freed_into_another_word_is_claimed_again_with_it) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give(slab, blocks[3]);
  give(slab, blocks[5]);
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take(slab), blocks[3]);
  EXPECT_EQ(take(slab), blocks[5]);
  EXPECT_FALSE(has_free(slab));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_slab_is_empty_with_its_last_block_and_not_before) {
  Slab* slab = make(48);
  const std::vector<void*> blocks = take_all(slab);
  retire_active(slab);
  for (const void* block : blocks) {
    ASSERT_FALSE(is_empty(slab));
    give(slab, block);
  }
  EXPECT_TRUE(is_empty(slab));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_word_is_complete_when_each_block_that_starts_in_it_is_free) {
  for (unsigned c = 0; c < k_classes; c++) {
    Slab* slab = make(info(c).size);
    for (unsigned i = 0; i < info(c).word_count; i++) {
      const uint64_t all = starts_in(c, i);
      ASSERT_TRUE(is_complete(slab, i, all));
      ASSERT_FALSE(is_complete(slab, i, all & (all - 1)));
    }
    slab->block_count = 0;
    region_->give_page(slab);
  }
}

TEST_F(OwnedTest, what_others_freed_is_collected_a_word_at_a_time) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  const size_t last = blocks.size() - 1;
  retire_active(slab);
  std::vector<void*> freed;
  for (const size_t i : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{150}, last}) {
    give_remotely(slab, blocks[i]);
    freed.push_back(blocks[i]);
  }
  EXPECT_EQ(breach(slab), "");
  EXPECT_FALSE(has_free(slab));
  collect(slab);
  EXPECT_EQ(slab->remote_summary.load(), 0U);
  EXPECT_EQ(count_free(slab), freed.size());
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take_all(slab), freed);
}

TEST_F(OwnedTest, what_others_freed_of_the_active_word_joins_it) {
  Slab* slab = make(64);
  const void* block = take(slab);
  take(slab);
  give_remotely(slab, block);
  collect(slab);
  EXPECT_EQ(load(slab->words[0]), 0U);
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take(slab), block);
}

TEST_F(OwnedTest, a_summary_bit_set_for_nothing_is_harmless) {
  // A free that was interrupted may set it when the page is another slab's already, and of a word
  // that this one has not got.
  Slab* slab = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  slab->remote_summary.fetch_or(uint64_t{1} << 63 | 1);
  collect(slab);
  EXPECT_EQ(blocks.size(), count_of(slab));
  EXPECT_FALSE(has_free(slab));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_slab_is_empty_when_its_blocks_are_free_in_words_and_remotely) {
  Slab* slab = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  retire_active(slab);
  for (size_t i = 0; i < blocks.size(); i++) {
    EXPECT_FALSE(is_empty(slab));
    i % 2 == 0 ? give(slab, blocks[i]) : give_remotely(slab, blocks[i]);
  }
  EXPECT_TRUE(is_empty(slab));
}

TEST_F(OwnedTest, a_slab_with_an_active_word_is_not_empty) {
  Slab* slab = make(64);
  give(slab, take(slab));
  EXPECT_FALSE(is_empty(slab));
}

TEST_F(OwnedTest, a_free_block_is_known_to_others_wherever_its_bit_is) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  const uint32_t in_words = granule_of(slab, blocks[0]);
  const uint32_t in_active = granule_of(slab, blocks.back());
  const uint32_t remote = granule_of(slab, blocks[150]);
  EXPECT_FALSE(is_free_with_owner(slab, in_words));
  EXPECT_FALSE(is_free_with_owner(slab, in_active));
  EXPECT_FALSE(is_free(slab, remote));
  give(slab, blocks[0]);
  give(slab, blocks.back());
  give_remotely(slab, blocks[150]);
  EXPECT_TRUE(is_free_with_owner(slab, in_words));
  EXPECT_TRUE(is_free_with_owner(slab, in_active));
  EXPECT_FALSE(is_free_with_owner(slab, remote));
  EXPECT_TRUE(is_free(slab, remote));
}

TEST_F(OwnedTest, the_active_word_is_not_believed_while_it_changes) {
  Slab* slab = make(64);
  void* block = take(slab);
  give(slab, block);
  slab->claims++;
  EXPECT_FALSE(is_free_with_owner(slab, granule_of(slab, block)));
  slab->claims++;
  EXPECT_TRUE(is_free_with_owner(slab, granule_of(slab, block)));
}

TEST_F(OwnedTest, a_look_is_void_however_often_the_active_word_has_changed_meanwhile) {
  Slab* slab = make(64);
  void* first = take(slab);
  const std::vector<void*> rest = take_all(slab);
  retire_active(slab);
  const uint32_t in_second_word = granule_of(slab, first) + 64;
  give(slab, rest[63]);
  ASSERT_EQ(granule_of(slab, rest[63]), in_second_word);
  ASSERT_EQ(take(slab), rest[63]);
  ASSERT_EQ(slab->active, 1);
  const LookAtActive look(slab);
  EXPECT_FALSE(look.finds(in_second_word));
  // The same bit becomes free in the first word, which becomes active with the last change.
  retire_active(slab);
  give(slab, first);
  for (uint32_t changes = 1; changes < 70000; changes++) {
    if (slab->active == Slab::k_no_word) {
      claim(slab);
    } else {
      retire_active(slab);
    }
    ASSERT_FALSE(look.finds(in_second_word)) << changes << " changes later";
  }
}

TEST_F(OwnedTest, a_page_may_become_a_slab_of_any_other_class) {
  Slab* slab = make(16);
  std::vector<void*> blocks = take_all(slab);
  retire_active(slab);
  for (void* block : blocks) give(slab, block);
  for (const size_t size : {4096, 48, 1280, 16}) {
    slab->block_count = 0;
    region_->give_page(slab);
    ASSERT_EQ(make(size), slab);
    EXPECT_EQ(breach(slab), "") << size;
    blocks = take_all(slab);
    EXPECT_EQ(blocks.size(), k_slab_size / size);
    retire_active(slab);
    for (void* block : blocks) give(slab, block);
    EXPECT_TRUE(is_empty(slab));
  }
}

#ifdef GTEST_HAS_DEATH_TEST
TEST_F(OwnedTest, a_block_freed_by_owner_and_stranger_at_once_is_found_at_the_claim) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give(slab, blocks[3]);
  give_remotely(slab, blocks[3]);
  EXPECT_DEATH(claim(slab),
               "double free detected in slab: 0x[0-9a-f]+ .64-byte block.: two threads");
}

TEST_F(OwnedTest, a_block_freed_by_owner_and_stranger_at_once_is_found_when_collected) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give(slab, blocks[3]);
  give_remotely(slab, blocks[3]);
  EXPECT_DEATH(collect(slab),
               "double free detected in slab: 0x[0-9a-f]+ .64-byte block.: two threads");
}
#endif

}  // namespace
}  // namespace arenite::slab
