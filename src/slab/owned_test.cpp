// What is done with a slab: blocks are taken out and put back, marked and collected; and when it is
// wholly free.
#include "slab/owned.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "slab/own_region_fixture.hpp"

namespace arenite::slab {
namespace {

class OwnedTest : public OwnRegion {
 protected:
  static bool is_empty(const Slab* slab) {
    const bool is = is_wholly_free(slab, slab->size_class);
    EXPECT_EQ(slab::is_empty(slab), is);
    return is;
  }
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
    EXPECT_EQ(slab->free_count, info(c).block_count);
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
    EXPECT_EQ(slab->free_count, 0U);
    EXPECT_EQ(breach(slab), "");
    for (const void* block : blocks) give(slab, block);
    EXPECT_EQ(breach(slab), "");
    give_page(slab);
  }
}

TEST_F(OwnedTest, many_taken_at_once_are_the_lowest_and_the_lowest_is_last) {
  Slab* slab = make(64);
  void* blocks[102] = {};
  ASSERT_EQ(slab::take(slab, blocks + 1, 100), 100U);
  EXPECT_EQ(blocks[0], nullptr) << "no more than was asked for";
  EXPECT_EQ(blocks[101], nullptr);
  for (size_t i = 0; i < 100; i++) EXPECT_EQ(blocks[100 - i], memory_of(slab) + i * 64);
  EXPECT_EQ(slab->free_count, count_of(slab) - 100);
  EXPECT_EQ(breach(slab), "");
  for (const void* block : blocks) {
    if (block != nullptr) {
      EXPECT_FALSE(is_used(block)) << "they are not handed out yet";
    }
  }
}

TEST_F(OwnedTest, where_fewer_are_free_than_are_wanted_all_of_them_come) {
  Slab* slab = make(1024);
  void* blocks[20] = {};
  ASSERT_EQ(slab::take(slab, blocks, 20), 16U);
  EXPECT_EQ(blocks[3], nullptr) << "the first stay empty";
  for (size_t i = 0; i < 16; i++) EXPECT_EQ(blocks[19 - i], memory_of(slab) + i * 1024);
  EXPECT_EQ(slab->summary, 0U);
  EXPECT_EQ(slab->free_count, 0U);
  EXPECT_EQ(slab::take(slab, blocks, 20), 0U);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, each_time_that_blocks_are_taken_counts) {
  Slab* slab = make(1024);
  const uint32_t before = slab->takes;
  void* blocks[4];
  slab::take(slab, blocks, 4);
  slab::take(slab, blocks, 4);
  EXPECT_EQ(slab->takes, before + 2);
}

TEST_F(OwnedTest, only_a_block_that_is_handed_out_is_used) {
  for (unsigned c = 0; c < k_classes; c++) {
    Slab* slab = make(info(c).size);
    const std::vector<void*> blocks = take_all(slab);
    for (uint32_t offset = 0; offset < k_slab_size; offset += 16) {
      ASSERT_EQ(is_used(memory_of(slab) + offset), slab->is_start(offset))
          << info(c).size << "-byte blocks, offset " << offset;
    }
    for (unsigned i = 0; i < info(c).word_count; i++) ASSERT_EQ(used_in(slab, i), starts_in(c, i));
    for (void* block : blocks) {
      ASSERT_TRUE(set_unused(block));
      ASSERT_FALSE(is_used(block));
      ASSERT_FALSE(set_unused(block)) << "it is not";
    }
    for (unsigned i = 0; i < info(c).word_count; i++) ASSERT_EQ(used_in(slab, i), 0U);
    for (void* block : blocks) put_back(slab, block);
    give_page(slab);
  }
}

TEST_F(OwnedTest, used_bits_of_neighbours_are_their_own) {
  Slab* before = make(1024);
  Slab* slab = make(16);
  Slab* after = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  EXPECT_EQ(used_in(before, 0), 0U);
  EXPECT_EQ(used_in(after, 0), 0U);
  for (const void* block : blocks) give(slab, block);
  take_all(before);
  take_all(after);
  for (unsigned i = 0; i < k_most_words; i++) EXPECT_EQ(used_in(slab, i), 0U);
}

TEST_F(OwnedTest, a_block_put_back_comes_before_higher_ones) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give(slab, blocks[150]);
  give(slab, blocks[3]);
  give(slab, blocks[5]);
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take_all(slab), (std::vector<void*>{blocks[3], blocks[5], blocks[150]}));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, blocks_of_a_word_are_put_back_together) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  for (size_t i = 64; i < 128; i++) EXPECT_TRUE(set_unused(blocks[i]));
  EXPECT_FALSE(put(slab, 1, ~uint64_t{0}));
  EXPECT_EQ(slab->free_count, 64U);
  EXPECT_EQ(slab->summary, 2U);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_slab_is_empty_with_its_last_block_and_not_before) {
  Slab* slab = make(48);
  const std::vector<void*> blocks = take_all(slab);
  size_t left = blocks.size();
  for (const void* block : blocks) {
    ASSERT_FALSE(is_empty(slab));
    ASSERT_TRUE(set_unused(block));
    ASSERT_EQ(put_back(slab, block), --left == 0);
  }
  EXPECT_TRUE(is_empty(slab));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_slab_with_a_block_in_a_magazine_is_not_empty) {
  Slab* slab = make(64);
  const void* block = take_aside(slab);
  EXPECT_EQ(breach(slab), "");
  EXPECT_FALSE(is_empty(slab));
  EXPECT_TRUE(put_back(slab, block));
  EXPECT_TRUE(is_empty(slab));
}

TEST_F(OwnedTest, a_block_is_marked_once) {
  Slab* slab = make(64);
  const void* block = take(slab);
  EXPECT_TRUE(mark(slab, number_of(slab, block)));
  EXPECT_FALSE(mark(slab, number_of(slab, block))) << "it is freed twice";
  EXPECT_TRUE(is_used(block)) << "that is its owner's to change";
  EXPECT_FALSE(is_zero(slab->has_remote));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_mark_is_of_its_block_alone) {
  for (unsigned c = 0; c < k_classes; c++) {
    Slab* before = make(16);
    Slab* slab = make(info(c).size);
    Slab* after = make(16);
    const std::vector<void*> blocks = take_all(slab);
    for (const void* block : blocks) {
      const uint32_t number = number_of(slab, block);
      ASSERT_EQ(memory_of(slab) + size_t{number} * info(c).size, block);
      give_remotely(slab, block);
      ASSERT_EQ(marks_in(slab, number / 64) >> (number % 64) & 1, 1U);
      ASSERT_FALSE(is_zero(slab->remote_lines[number / 64]));
    }
    for (unsigned i = 0; i < info(c).word_count; i++)
      ASSERT_EQ(marked_in(slab, i), starts_in(c, i)) << info(c).size << "-byte blocks, word " << i;
    for (unsigned i = 0; i < k_most_words; i++) {
      const unsigned left = info(c).block_count > i * 64 ? info(c).block_count - i * 64 : 0;
      const uint64_t all = left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
      ASSERT_EQ(marks_in(slab, i), all) << info(c).size << "-byte blocks, line " << i;
      ASSERT_EQ(marks_in(before, i), 0U);
      ASSERT_EQ(marks_in(after, i), 0U);
    }
    EXPECT_TRUE(is_empty(slab));
    for (Slab* each : {before, slab, after}) give_page(each);
  }
  EXPECT_EQ(breach(), "");
}

TEST_F(OwnedTest, what_others_marked_is_collected) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  std::vector<void*> freed;
  for (const size_t i :
       {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{150}, blocks.size() - 1}) {
    give_remotely(slab, blocks[i]);
    freed.push_back(blocks[i]);
  }
  EXPECT_EQ(breach(slab), "");
  EXPECT_FALSE(has_free(slab));
  collect(slab);
  EXPECT_TRUE(is_zero(slab->has_remote));
  for (unsigned i = 0; i < k_most_words; i++) {
    EXPECT_TRUE(is_zero(slab->remote_lines[i]));
    EXPECT_EQ(marks_in(slab, i), 0U);
  }
  for (const void* block : freed) EXPECT_FALSE(is_used(block));
  EXPECT_EQ(slab->free_count, freed.size());
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take_all(slab), freed);
  give_remotely(slab, freed[0]);
  EXPECT_EQ(breach(slab), "") << "it can be marked again";
}

TEST_F(OwnedTest, what_is_collected_joins_what_is_free) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give(slab, blocks[5]);
  give_remotely(slab, blocks[3]);
  collect(slab);
  EXPECT_EQ(breach(slab), "");
  EXPECT_EQ(take_all(slab), (std::vector<void*>{blocks[3], blocks[5]}));
}

TEST_F(OwnedTest, a_word_told_for_nothing_is_harmless) {
  // A free that was interrupted may tell it when the page is another slab's already, and of a word
  // that this one has not got.
  Slab* slab = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  slab->remote_lines[0].store(1);
  slab->remote_lines[k_most_words - 1].store(1);
  slab->has_remote.store(1);
  collect(slab);
  EXPECT_EQ(blocks.size(), count_of(slab));
  EXPECT_FALSE(has_free(slab));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_mark_that_is_not_told_yet_waits_until_it_is) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  // The three stores of mark(), looked at after each.
  const uint32_t number = number_of(slab, blocks[70]);
  mark_of(slab, number).store(1);
  collect(slab);
  EXPECT_FALSE(has_free(slab));
  slab->remote_lines[number / 64].store(1);
  collect(slab);
  EXPECT_FALSE(has_free(slab));
  EXPECT_TRUE(is_free(slab, blocks[70])) << "and yet the block is free";
  slab->has_remote.store(1);
  collect(slab);
  EXPECT_EQ(take_all(slab), (std::vector<void*>{blocks[70]}));
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_mark_collected_before_it_is_told_leaves_a_word_told_for_nothing) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  // The second of two marks in a word is found with the first.
  mark_of(slab, number_of(slab, blocks[71])).store(1);
  give_remotely(slab, blocks[70]);
  collect(slab);
  EXPECT_EQ(slab->free_count, 2U);
  slab->remote_lines[1].store(1);
  slab->has_remote.store(1);
  collect(slab);
  EXPECT_EQ(slab->free_count, 2U);
  EXPECT_EQ(breach(slab), "");
}

TEST_F(OwnedTest, a_slab_is_empty_when_its_blocks_are_free_or_marked) {
  Slab* slab = make(1024);
  const std::vector<void*> blocks = take_all(slab);
  for (size_t i = 0; i < blocks.size(); i++) {
    EXPECT_FALSE(is_empty(slab));
    i % 2 == 0 ? give(slab, blocks[i]) : give_remotely(slab, blocks[i]);
  }
  EXPECT_TRUE(is_empty(slab));
  EXPECT_NE(slab->free_count, slab->block_count);
  EXPECT_EQ(word_of(slab, 0) ^ marked_in(slab, 0), starts_in(slab->size_class, 0));
}

TEST_F(OwnedTest, a_block_is_free_in_every_state_but_handed_out) {
  Slab* slab = make(48);
  void* block = take(slab);
  EXPECT_FALSE(is_free(slab, block));
  give_remotely(slab, block);
  EXPECT_TRUE(is_free(slab, block)) << "marked";
  collect(slab);
  EXPECT_TRUE(is_free(slab, block)) << "in the slab";
  ASSERT_EQ(take_aside(slab), block);
  EXPECT_TRUE(is_free(slab, block)) << "in a magazine";
  set_used(block);
  EXPECT_FALSE(is_free(slab, block));
  EXPECT_TRUE(is_free(slab, beyond(block, 16))) << "what is no block is in nobody's hands";
}

TEST_F(OwnedTest, a_page_may_become_a_slab_of_any_other_class) {
  Slab* slab = make(16);
  std::vector<void*> blocks = take_all(slab);
  for (void* block : blocks) give(slab, block);
  for (const size_t size : {4096, 48, 1280, 16}) {
    give_page(slab);
    EXPECT_EQ(breach(), "");
    ASSERT_EQ(make(size), slab);
    EXPECT_EQ(breach(slab), "") << size;
    blocks = take_all(slab);
    EXPECT_EQ(blocks.size(), k_slab_size / size);
    for (size_t i = 0; i < blocks.size(); i++)
      i % 3 == 0 ? give_remotely(slab, blocks[i]) : give(slab, blocks[i]);
    EXPECT_TRUE(is_empty(slab));
  }
}

TEST_F(OwnedTest, of_a_slab_that_becomes_a_page_no_mark_is_left_told_or_not) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i == 100) continue;
    i % 2 == 0 ? give(slab, blocks[i]) : give_remotely(slab, blocks[i]);
  }
  mark_of(slab, number_of(slab, blocks[100])).store(1);
  ASSERT_TRUE(is_empty(slab));
  forget_marks(slab);
  EXPECT_TRUE(is_zero(slab->has_remote));
  for (unsigned i = 0; i < k_most_words; i++) {
    EXPECT_TRUE(is_zero(slab->remote_lines[i]));
    EXPECT_EQ(marks_in(slab, i), 0U);
    EXPECT_EQ(used_in(slab, i < 4 ? i : 0), 0U);
  }
  slab->block_count = 0;
  region_->give_page(slab);
  EXPECT_EQ(breach(), "");
}

#ifdef GTEST_HAS_DEATH_TEST
constexpr char k_by_two[] =
    "double free detected in slab: 0x[0-9a-f]+ .64-byte block.: two threads";

TEST_F(OwnedTest, a_block_freed_by_owner_and_stranger_at_once_is_found_when_collected) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  give_remotely(slab, blocks[3]);
  EXPECT_TRUE(set_unused(blocks[3]));  // it is in the owner's magazine
  EXPECT_DEATH(collect(slab), k_by_two);
  put_back(slab, blocks[3]);  // or in the slab already
  EXPECT_DEATH(collect(slab), k_by_two);
}

TEST_F(OwnedTest, a_block_freed_by_owner_and_stranger_at_once_is_found_when_the_slab_is_a_page) {
  Slab* slab = make(64);
  const std::vector<void*> blocks = take_all(slab);
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i != 3) give(slab, blocks[i]);
  }
  give_remotely(slab, blocks[3]);
  EXPECT_TRUE(set_unused(blocks[3]));
  EXPECT_DEATH(forget_marks(slab), k_by_two);
}
#endif

}  // namespace
}  // namespace arenite::slab
