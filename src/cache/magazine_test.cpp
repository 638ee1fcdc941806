// Magazine: its slots, how they grow and where that ends.
#include "cache/magazine.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <vector>

#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::class_of;

class MagazineTest : public testing::Test {
 protected:
  ~MagazineTest() override { os::g_fault_plan.fail_nth(0); }

  // From now on there is no memory for slots.
  static void use_all_memory_up() {
    os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::map), true);
    // What is begun must be used up before the kernel is asked.
    while (chunk::take_for_good(64) != nullptr) {
    }
  }
  // Fills it with numbers from 1 on, which are no blocks.
  static void fill(Magazine& magazine) {
    while (magazine.top != magazine.end) {
      *magazine.top = at_address<void>((magazine.count() + 1) * 16);
      magazine.top++;
    }
  }
  // To its bound.
  void grow(Magazine& magazine) {
    for (int i = 0; i < 5; i++) magazine.grow_empty(0, spare_);
  }
  static std::vector<uintptr_t> contents(const Magazine& magazine) {
    std::vector<uintptr_t> numbers;
    for (void** p = magazine.slots; p != magazine.top; p++) numbers.push_back(address_of(*p) / 16);
    return numbers;
  }

  Slots spare_;
};

TEST_F(MagazineTest, begins_empty_and_full) {
  Magazine magazine;
  magazine.begin();
  EXPECT_EQ(magazine.count(), 0U);
  EXPECT_EQ(magazine.capacity(), 0U);
  EXPECT_TRUE(Magazine::is_foreign(magazine.top[-1])) << "a request finds no block of its own";
  EXPECT_EQ(magazine.top, magazine.end) << "what a free finds";
}

TEST_F(MagazineTest, its_bound_is_32_kib_but_no_more_than_128_blocks_nor_fewer_than_8) {
  EXPECT_EQ(Magazine::most_slots(class_of(16)), 128U);
  EXPECT_EQ(Magazine::most_slots(class_of(256)), 128U);
  EXPECT_EQ(Magazine::most_slots(class_of(1024)), 32U);
  EXPECT_EQ(Magazine::most_slots(class_of(8192)), 8U);
  EXPECT_EQ(Magazine::most_slots_if_full(class_of(16)), 32U);
  EXPECT_EQ(Magazine::most_slots_if_full(class_of(512)), 16U);
  EXPECT_EQ(Magazine::most_slots_if_full(class_of(8192)), 8U);
  EXPECT_EQ(Magazine::most_slots_freeing(class_of(16)), 32U);
  EXPECT_EQ(Magazine::most_slots_freeing(class_of(512)), 8U);
  EXPECT_EQ(Magazine::most_slots_freeing(class_of(8192)), 2U);
  for (unsigned c = 0; c < slab::k_classes; c++) {
    const size_t most = Magazine::most_slots(c);
    EXPECT_GE(most, Magazine::k_least);
    EXPECT_LE(most, Magazine::k_most);
    if (most == Magazine::k_least) continue;
    EXPECT_LE(most * slab::info(c).size, Magazine::k_most_bytes);
  }
}

TEST_F(MagazineTest, doubles_each_time_that_it_runs_empty_up_to_its_bound) {
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Magazine magazine;
    magazine.begin();
    uint32_t expected = Magazine::k_least;
    for (int i = 0; i < 7; i++) {
      magazine.grow_empty(c, spare_);
      ASSERT_EQ(magazine.capacity(), expected) << slab::info(c).size << "-byte blocks";
      ASSERT_EQ(magazine.count(), 0U);
      ASSERT_EQ(magazine.top[-1], g_no_slots[0]);
      expected = std::min<uint32_t>(2 * expected, Magazine::most_slots(c));
    }
  }
}

TEST_F(MagazineTest, doubles_each_time_that_it_runs_full_up_to_a_lower_bound_and_keeps_its_order) {
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Magazine magazine;
    magazine.begin();
    std::vector<uintptr_t> expected;
    while (magazine.grow_full(c, spare_)) {
      ASSERT_EQ(contents(magazine), expected);
      ASSERT_EQ(magazine.slots[-1], g_no_slots[0]);
      fill(magazine);
      while (expected.size() < magazine.capacity()) expected.push_back(expected.size() + 1);
    }
    EXPECT_EQ(contents(magazine), expected);
    EXPECT_GE(magazine.capacity(), Magazine::most_slots_if_full(c));
    EXPECT_LT(magazine.capacity(), 2U * Magazine::most_slots_if_full(c));
    EXPECT_EQ(magazine.surplus(), magazine.count() - magazine.capacity() / 2);
  }
}

TEST_F(MagazineTest, where_a_thread_frees_on_and_on_it_keeps_a_few) {
  for (const uint32_t all : {1000U, 3U}) {
    Magazine magazine;
    magazine.begin();
    grow(magazine);
    for (int fulls = 1; fulls < 20; fulls++) {
      fill(magazine);
      EXPECT_FALSE(magazine.grow_full(0, spare_));
      EXPECT_EQ(magazine.is_freeing(), fulls >= Magazine::k_fulls_freeing);
      magazine.top -= magazine.surplus();
      if (!magazine.is_freeing()) continue;
      magazine.keep_few(0, all);
      ASSERT_LT(magazine.count(), magazine.capacity()) << "there is a slot for one more";
    }
    EXPECT_EQ(magazine.capacity(), all == 3 ? 3U : Magazine::most_slots_freeing(0));
    magazine.top = magazine.slots;
    magazine.grow_empty(0, spare_);
    EXPECT_FALSE(magazine.is_freeing());
    EXPECT_EQ(magazine.capacity(), 128U) << "it has its slots still";
  }
}

TEST_F(MagazineTest, a_thread_whose_magazine_runs_empty_in_between_does_not_only_free) {
  Magazine magazine;
  magazine.begin();
  grow(magazine);
  for (int i = 0; i < 20; i++) {
    fill(magazine);
    EXPECT_FALSE(magazine.grow_full(0, spare_));
    EXPECT_FALSE(magazine.is_freeing());
    EXPECT_EQ(magazine.capacity(), 128U);
    magazine.top = magazine.slots;
    magazine.grow_empty(0, spare_);
  }
}

TEST_F(MagazineTest, the_slots_that_one_has_outgrown_serve_another) {
  Magazine first;
  Magazine second;
  first.grow_empty(0, spare_);
  fill(first);
  void** const eight = first.slots;
  first.grow_full(0, spare_);
  void** const sixteen = first.slots;
  second.grow_full(1, spare_);
  EXPECT_EQ(second.slots, eight);
  EXPECT_EQ(second.top[-1], g_no_slots[0]) << "it is empty";
  EXPECT_EQ(contents(first), (std::vector<uintptr_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  first.grow_full(0, spare_);
  second.grow_full(1, spare_);
  EXPECT_EQ(second.slots, sixteen);
  EXPECT_EQ(second.capacity(), 16U);
  EXPECT_EQ(second.top[-1], g_no_slots[0]);
}

TEST_F(MagazineTest, spare_slots_serve_who_wants_no_more) {
  void** const some = spare_.take(25);
  void** const more = spare_.take(25);
  spare_.give(some, 25);
  EXPECT_NE(spare_.take(31), some);
  EXPECT_NE(spare_.take(32), some);
  EXPECT_NE(spare_.take(15), some);
  spare_.give(more, 25);
  EXPECT_EQ(spare_.take(25), more) << "the last first";
  EXPECT_EQ(spare_.take(16), some);
  EXPECT_NE(spare_.take(16), some) << "once";
}

TEST_F(MagazineTest, knows_whether_its_blocks_have_changed) {
  Magazine magazine;
  magazine.begin();
  magazine.grow_empty(0, spare_);
  EXPECT_TRUE(magazine.is_unused()) << "it was always empty";
  fill(magazine);
  EXPECT_FALSE(magazine.is_unused());
  EXPECT_TRUE(magazine.is_unused());
  magazine.top--;
  EXPECT_FALSE(magazine.is_unused());
  EXPECT_TRUE(magazine.is_unused());
}

TEST_F(MagazineTest, without_memory_it_stays_as_it_is_and_the_next_try_works) {
  Magazine none;
  Magazine some;
  none.begin();
  some.begin();
  some.grow_empty(0, spare_);
  fill(some);
  use_all_memory_up();
  none.grow_empty(0, spare_);
  const bool none_grew = none.grow_full(0, spare_);
  const bool some_grew = some.grow_full(0, spare_);
  os::g_fault_plan.fail_nth(0);
  EXPECT_FALSE(none_grew);
  EXPECT_EQ(none.capacity(), 0U);
  EXPECT_EQ(none.top[-1], g_no_slots[0]);
  EXPECT_FALSE(some_grew);
  EXPECT_EQ(contents(some), (std::vector<uintptr_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(none.grow_full(0, spare_));
  EXPECT_TRUE(some.grow_full(0, spare_));
}

}  // namespace
}  // namespace arenite::cache
