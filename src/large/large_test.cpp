#include "large/large.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <cstring>
#include <vector>

#include "large/kept.hpp"
#include "ledger/ledger.hpp"
#include "os/fault.hpp"

// The engine by itself: nobody purges meanwhile, so that all that was written is kept.
namespace arenite::large {
namespace {

using os::Call;
using os::g_fault_plan;

constexpr unsigned only(Call call) {
  return 1U << static_cast<unsigned>(call);
}

char* take_filled(size_t size) {
  auto* p = static_cast<char*>(take(size));
  if (p != nullptr) memset(p, 7, size);
  return p;
}

struct Large : testing::Test {
  void SetUp() override {
    purger_ = ledger::g_purger.exchange(nullptr);
    from_ = g_from.exchange(128 * k_kib);
    empty();
  }
  void TearDown() override {
    ledger::g_purger.store(purger_);
    g_from.store(from_);
    g_fault_plan.fail_nth(0);
    empty();
    EXPECT_FALSE(g_table.has_stranded());
    EXPECT_EQ(g_kept.bytes(), 0U);
  }

  void (*purger_)() = nullptr;
  size_t from_ = 0;
};

TEST_F(Large, what_was_written_is_kept_and_taken_again) {
  char* p = take_filled(4 * k_mib);
  EXPECT_EQ(size_of(p), 4 * k_mib);
  EXPECT_TRUE(give(p));
  EXPECT_FALSE(give(p));
  EXPECT_EQ(size_of(p), 0U);
  EXPECT_EQ(g_kept.bytes(), 4 * k_mib);
  EXPECT_EQ(take(4 * k_mib), p);
  EXPECT_EQ(g_kept.bytes(), 0U);
  EXPECT_TRUE(give(p));
}

TEST_F(Large, what_was_not_written_is_not_kept) {
  auto* p = static_cast<char*>(take(4 * k_mib));
  p[0] = p[3 * k_mib] = 1;
  EXPECT_TRUE(give(p));
  EXPECT_EQ(g_kept.bytes(), 0U);
  p = static_cast<char*>(take(4 * k_mib));
  memset(p, 1, k_mib);
  EXPECT_TRUE(give(p));
  EXPECT_GT(g_kept.bytes(), k_mib / 2);
  EXPECT_LE(g_kept.bytes(), k_mib);
}

TEST_F(Large, a_kept_range_is_cut_or_made_larger_and_zeroed_where_asked) {
  EXPECT_TRUE(give(take_filled(4 * k_mib)));
  auto* p = static_cast<char*>(take_zeroed(k_mib));
  EXPECT_EQ(g_kept.bytes(), 3 * k_mib);
  auto* q = static_cast<char*>(take_zeroed(5 * k_mib));
  EXPECT_EQ(g_kept.bytes(), 0U);
  for (size_t i = 0; i < k_mib; i++) ASSERT_EQ(p[i], 0);
  for (size_t i = 0; i < 5 * k_mib; i++) ASSERT_EQ(q[i], 0);
  EXPECT_TRUE(give(p));
  EXPECT_TRUE(give(q));
}

TEST_F(Large, the_ledger_s_figures_come_back_to_what_they_were) {
  using ledger::g_ledger;
  const size_t live = g_ledger.live();
  const size_t bound = g_ledger.bound();
  constexpr size_t k_small = 128 * k_kib;  // the test's own blocks
  for (int round = 0; round < 20; round++) {
    std::vector<void*> blocks;
    for (size_t i = 1; i < 20; i++) {
      blocks.push_back(i % 3 == 0 ? take(i * 300'000) : take_filled(i * 300'000));
      if (i % 4 == 0) blocks.back() = resize(blocks.back(), i * 500'000);
      if (i % 5 == 0) blocks.back() = resize(blocks.back(), i * 100'000);
      if (i % 7 == 0) blocks.push_back(take_aligned(k_mib, i * 70'000));
    }
    for (void* p : blocks) EXPECT_TRUE(give(p));
    EXPECT_EQ(g_ledger.retained(ledger::Keeper::mappings), g_kept.bytes());
    EXPECT_LE(g_ledger.live(), live + k_small);
    EXPECT_EQ(purge(k_mib) != 0, true);
    EXPECT_EQ(g_ledger.retained(ledger::Keeper::mappings), g_kept.bytes());
  }
  empty();
  EXPECT_EQ(g_ledger.bound(), bound);
  EXPECT_EQ(ledger::g_mapped.count.load(), 0U);
  EXPECT_EQ(ledger::g_mapped.bytes.load(), 0U);
}

TEST_F(Large, an_aligned_block_leaves_nothing_beside_it) {
  void* p = take_aligned(8 * k_mib, 300'000);
  EXPECT_TRUE(is_aligned(address_of(p), 8 * k_mib));
  EXPECT_LT(size_of(p), 320'000U);
  EXPECT_TRUE(give(p));
}

TEST_F(Large, resizing_keeps_the_contents) {
  char* p = take_filled(k_mib);
  for (const size_t size : {3 * k_mib, 40 * k_mib, 2 * k_mib, 100 * k_kib, 300 * k_kib}) {
    p = static_cast<char*>(resize(p, size));
    ASSERT_NE(p, nullptr);
    EXPECT_GE(size_of(p), size);
    for (size_t i = 0; i < 100 * k_kib; i++) ASSERT_EQ(p[i], 7);
  }
  EXPECT_TRUE(give(p));
  EXPECT_EQ(resize(p, k_mib), nullptr);
}

// What cannot be unmapped is stranded: it holds no memory, serves when no mapping can be had, and
// goes as soon as it can.
TEST_F(Large, what_the_kernel_will_not_unmap_is_not_lost) {
  void* p = take(4 * k_mib);
  g_fault_plan.fail_nth(1, only(Call::unmap), true);
  EXPECT_TRUE(give(p));
  EXPECT_TRUE(g_table.has_stranded());
  EXPECT_FALSE(give(p));
  EXPECT_EQ(size_of(p), 0U);
  g_fault_plan.fail_nth(1, only(Call::map), true);
  EXPECT_EQ(take(3 * k_mib), p);
  EXPECT_FALSE(g_table.has_stranded());
  EXPECT_EQ(size_of(p), 4 * k_mib);
  g_fault_plan.fail_nth(1, only(Call::unmap), true);
  EXPECT_TRUE(give(p));
  g_fault_plan.fail_nth(0);
  EXPECT_TRUE(g_table.has_stranded());
  // All are tried now and then.
  for (int i = 0; i < 200 && g_table.has_stranded(); i++) give(take(k_mib));
  EXPECT_FALSE(g_table.has_stranded());
}

TEST_F(Large, a_block_that_cannot_be_cut_stays_as_large) {
  char* p = take_filled(4 * k_mib);
  g_fault_plan.fail_nth(1, only(Call::unmap), true);
  EXPECT_EQ(resize(p, k_mib), p);
  EXPECT_EQ(size_of(p), 4 * k_mib);
  EXPECT_EQ(p[k_mib - 1], 7);
  EXPECT_EQ(p[2 * k_mib], 0);
  g_fault_plan.fail_nth(0);
  EXPECT_TRUE(give(p));
}

TEST_F(Large, a_refused_remap_changes_nothing) {
  char* p = take_filled(4 * k_mib);
  g_fault_plan.fail_nth(1, only(Call::remap), true);
  EXPECT_EQ(resize(p, 8 * k_mib), nullptr);
  EXPECT_EQ(size_of(p), 4 * k_mib);
  EXPECT_EQ(p[4 * k_mib - 1], 7);
  EXPECT_TRUE(give(p));
  void* q = take(6 * k_mib);  // the kept one cannot be made larger
  EXPECT_NE(q, nullptr);
  EXPECT_EQ(g_kept.bytes(), 4 * k_mib);
  EXPECT_TRUE(give(q));
}

// Each call refused in its turn: whatever that was, nothing is left over in the end.
TEST_F(Large, whatever_is_refused_nothing_is_lost) {
  for (uint64_t n = 1; n < 60; n++) {
    for (const bool from_then_on : {false, true}) {
      g_fault_plan.fail_nth(n, os::k_every_call, from_then_on);
      std::vector<void*> blocks;
      const auto add = [&](void* p) {
        if (p != nullptr) blocks.push_back(p);
      };
      for (size_t i = 1; i < 6; i++) add(take_filled(i * 400'000));
      add(take_aligned(4 * k_mib, 200'000));
      for (size_t i = 0; i < blocks.size(); i += 2) {
        EXPECT_TRUE(give(blocks[i]));
        blocks[i] = nullptr;
      }
      add(take_zeroed(900'000));
      for (void*& p : blocks) {
        if (p == nullptr) continue;
        if (void* q = resize(p, 2 * k_mib)) p = q;
        if (void* q = resize(p, 100'000)) p = q;
      }
      for (void* p : blocks) EXPECT_TRUE(p == nullptr || give(p));
      g_fault_plan.fail_nth(0);
      empty();
      EXPECT_FALSE(g_table.has_stranded());
      EXPECT_EQ(g_kept.bytes(), 0U);
      EXPECT_EQ(ledger::g_mapped.bytes.load(), 0U);
    }
  }
}

}  // namespace
}  // namespace arenite::large
