// Magazine: its slots, how they grow and where that ends.
#include "cache/magazine.hpp"

#include <gtest/gtest.h>
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
  static std::vector<uintptr_t> contents(const Magazine& magazine) {
    std::vector<uintptr_t> numbers;
    for (void** p = magazine.slots; p != magazine.top; p++) numbers.push_back(address_of(*p) / 16);
    return numbers;
  }
};

TEST_F(MagazineTest, begins_empty_and_full) {
  const Magazine magazine;
  EXPECT_EQ(magazine.count(), 0U);
  EXPECT_EQ(magazine.capacity(), 0U);
  EXPECT_EQ(magazine.top[-1], nullptr) << "what a request finds";
  EXPECT_EQ(magazine.top, magazine.end) << "what a free finds";
}

TEST_F(MagazineTest, its_bound_is_32_kib_but_no_more_than_124_blocks_nor_fewer_than_8) {
  EXPECT_EQ(Magazine::most_slots(class_of(16)), 124U);
  EXPECT_EQ(Magazine::most_slots(class_of(256)), 124U);
  EXPECT_EQ(Magazine::most_slots(class_of(1024)), 32U);
  EXPECT_EQ(Magazine::most_slots(class_of(8192)), 8U);
  for (unsigned c = 0; c < slab::k_classes; c++) {
    const size_t most = Magazine::most_slots(c);
    EXPECT_GE(most, Magazine::k_least);
    EXPECT_LE(most, Magazine::k_most);
    if (most == Magazine::k_least) continue;
    EXPECT_LE(most * slab::info(c).size, Magazine::k_most_bytes);
  }
}

TEST_F(MagazineTest, doubles_until_it_has_all_it_may_have) {
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Magazine magazine;
    uint32_t before = 0;
    while (magazine.grow(c)) {
      if (before == 0) {
        EXPECT_EQ(magazine.capacity(), Magazine::k_least);
      } else if (magazine.capacity() != Magazine::most_slots(c)) {
        EXPECT_EQ(magazine.capacity(), 2 * before);
      }
      ASSERT_GT(magazine.capacity(), before);
      before = magazine.capacity();
    }
    EXPECT_EQ(magazine.capacity(), Magazine::most_slots(c)) << slab::info(c).size << "-byte blocks";
    EXPECT_FALSE(magazine.grow(c));
    EXPECT_EQ(magazine.capacity(), before);
  }
}

TEST_F(MagazineTest, keeps_its_blocks_in_order_as_it_grows) {
  const unsigned c = class_of(16);
  Magazine magazine;
  std::vector<uintptr_t> expected;
  while (magazine.grow(c)) {
    EXPECT_EQ(contents(magazine), expected);
    EXPECT_EQ(magazine.slots[-1], nullptr);
    fill(magazine);
    while (expected.size() < magazine.capacity()) expected.push_back(expected.size() + 1);
    EXPECT_EQ(contents(magazine), expected);
    EXPECT_EQ(magazine.top, magazine.end);
  }
  EXPECT_EQ(expected.size(), Magazine::k_most);
}

TEST_F(MagazineTest, what_is_partly_full_grows_too) {
  Magazine magazine;
  ASSERT_TRUE(magazine.grow(0));
  fill(magazine);
  magazine.top -= 3;
  ASSERT_TRUE(magazine.grow(0));
  EXPECT_EQ(contents(magazine), (std::vector<uintptr_t>{1, 2, 3, 4, 5}));
}

TEST_F(MagazineTest, forgets_its_blocks_and_keeps_its_slots) {
  Magazine magazine;
  ASSERT_TRUE(magazine.grow(0));
  fill(magazine);
  magazine.clear();
  EXPECT_EQ(magazine.count(), 0U);
  EXPECT_EQ(magazine.capacity(), Magazine::k_least);
  EXPECT_EQ(magazine.top[-1], nullptr);
}

TEST_F(MagazineTest, without_memory_it_stays_as_it_is_and_the_next_try_works) {
  Magazine none;
  Magazine some;
  ASSERT_TRUE(some.grow(0));
  fill(some);
  use_all_memory_up();
  const bool none_grew = none.grow(0);
  const bool some_grew = some.grow(0);
  os::g_fault_plan.fail_nth(0);
  EXPECT_FALSE(none_grew);
  EXPECT_EQ(none.capacity(), 0U);
  EXPECT_EQ(none.top[-1], nullptr);
  EXPECT_FALSE(some_grew);
  EXPECT_EQ(contents(some), (std::vector<uintptr_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(none.grow(0));
  EXPECT_TRUE(some.grow(0));
}

}  // namespace
}  // namespace arenite::cache
