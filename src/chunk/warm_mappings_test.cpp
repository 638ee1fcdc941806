// Warm mappings: what is kept is found again, what is too much goes, and a refusal loses nothing.
//
// Each test has a store of its own; the ledger is the process's.
#include "chunk/warm_mappings.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace arenite::chunk {
namespace {

using ledger::g_ledger;

constexpr size_t k_unit = 64 * k_kib;

constexpr unsigned only(os::Call call) {
  return 1U << static_cast<unsigned>(call);
}

void fill(const PageRange& range, size_t size) {
  __builtin_memset(at_address<void>(range.start), 0xa5, size);
}

bool is_zero_from(const PageRange& range, size_t offset) {
  const auto* p = at_address<unsigned char>(range.start);
  for (size_t i = offset; i < range.size; i++) {
    if (p[i] != 0) return false;
  }
  return true;
}

class WarmTest : public testing::Test {
 protected:
  WarmTest() {
    g_tuning.keeps_mappings.set(1);
    set_in_use(512 * k_mib);
  }
  ~WarmTest() override {
    store_.empty();
    set_in_use(live_before_);
    g_tuning.keeps_mappings.set(before_);
    os::g_fault_plan.fail_nth(0);
  }

  // A mapping of so many units with a gap on either side, each of its bytes written.
  PageRange map_apart(size_t units) {
    const size_t size = units * k_unit;
    void* p = os::map(size + 2 * k_unit);
    const PageRange range{address_of(p) + k_unit, size, 0};
    os::unmap(p, k_unit);
    os::unmap(at_address<void>(range.end()), k_unit);
    fill(range, size);
    return range;
  }
  PageRange give_apart(size_t units) {
    const PageRange range = map_apart(units);
    store_.give(range);
    return range;
  }
  static void set_in_use(size_t bytes) { g_ledger.grew(bytes - g_ledger.live()); }
  static bool is_there(const PageRange& range) {
    return os::is_readable(at_address<void>(range.start));
  }
  static void drop(const PageRange& range) {
    if (range.size != 0) os::unmap(at_address<void>(range.start), range.size);
  }

  WarmMappings store_;
  const size_t live_before_ = g_ledger.live();
  const size_t before_ = g_tuning.keeps_mappings;
};

TEST_F(WarmTest, what_was_given_is_taken_again) {
  const PageRange given = give_apart(4);
  EXPECT_EQ(store_.bytes(), 4 * k_unit);
  const WarmMappings::Taken taken = store_.take(4 * k_unit, 0);
  EXPECT_EQ(taken.range.start, given.start);
  EXPECT_EQ(taken.range.size, given.size);
  EXPECT_EQ(taken.dirty, given.size);
  EXPECT_EQ(store_.bytes(), 0U);
  drop(taken.range);
}

TEST_F(WarmTest, the_smallest_that_fits_is_cut_and_its_rest_stays) {
  give_apart(8);
  const PageRange middle = give_apart(5);
  give_apart(3);
  const PageRange first = store_.take_whole(4 * k_unit);
  EXPECT_EQ(first.start, middle.start);
  EXPECT_EQ(first.size, 4 * k_unit);
  const PageRange rest = store_.take_whole(k_unit);
  EXPECT_EQ(rest.start, first.end());
  EXPECT_EQ(store_.bytes(), 11 * k_unit);
  drop(first);
  drop(rest);
}

TEST_F(WarmTest, neighbours_merge_in_any_order) {
  const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const auto& order : orders) {
    const PageRange whole = map_apart(6);
    for (const size_t third : order) store_.give({whole.start + third * 2 * k_unit, 2 * k_unit, 0});
    const PageRange taken = store_.take_whole(6 * k_unit);
    EXPECT_EQ(taken.start, whole.start);
    drop(taken);
  }
}

TEST_F(WarmTest, an_empty_store_gives_nothing) {
  EXPECT_EQ(store_.take(k_unit, 0).range.size, 0U);
  EXPECT_EQ(store_.take_whole(k_unit).size, 0U);
  EXPECT_EQ(store_.take_at(k_unit, 1, k_unit).size, 0U);
  EXPECT_FALSE(store_.empty());
}

TEST_F(WarmTest, a_mapping_takes_what_is_kept_behind_it) {
  const PageRange given = give_apart(4);
  EXPECT_EQ(store_.take_at(given.start, 5 * k_unit, 6 * k_unit).size, 0U);
  EXPECT_EQ(store_.take_at(given.start + k_unit, 1, k_unit).size, 0U);
  EXPECT_EQ(store_.take_at(given.start, 3 * k_unit, 3 * k_unit).size, 3 * k_unit);
  EXPECT_EQ(store_.bytes(), k_unit);
  drop({given.start, 3 * k_unit, 0});
}

TEST_F(WarmTest, a_mapping_takes_all_that_is_kept_behind_it_where_that_is_less) {
  const PageRange given = give_apart(4);
  EXPECT_EQ(store_.take_at(given.start, 1, 6 * k_unit).size, 4 * k_unit);
  EXPECT_EQ(store_.bytes(), 0U);
  drop(given);
}

TEST_F(WarmTest, one_that_is_too_small_is_grown_and_its_tail_is_zero) {
  give_apart(20);
  const WarmMappings::Taken taken = store_.take(40 * k_unit, 0);
  EXPECT_EQ(taken.range.size, 40 * k_unit);
  EXPECT_EQ(taken.dirty, 20 * k_unit);
  EXPECT_TRUE(is_zero_from(taken.range, taken.dirty));
  EXPECT_EQ(taken.range.seams, 0U);
  drop(taken.range);
}

TEST_F(WarmTest, several_are_joined_and_only_the_tail_is_zero) {
  const PageRange a = give_apart(20);
  const PageRange b = give_apart(24);
  const WarmMappings::Taken taken = store_.take(50 * k_unit, 0);
  EXPECT_EQ(taken.range.size, 50 * k_unit);
  EXPECT_EQ(taken.dirty, 44 * k_unit);
  EXPECT_EQ(*at_address<unsigned char>(taken.range.start + taken.dirty - 1), 0xa5);
  EXPECT_TRUE(is_zero_from(taken.range, taken.dirty));
  EXPECT_GE(taken.range.seams, 2U);
  EXPECT_FALSE(is_there(a));
  EXPECT_FALSE(is_there(b));
  EXPECT_EQ(store_.bytes(), 0U);
  drop(taken.range);
}

TEST_F(WarmTest, only_what_is_needed_of_the_last_piece_is_moved) {
  give_apart(24);
  give_apart(20);
  const WarmMappings::Taken taken = store_.take(40 * k_unit, 0);
  EXPECT_EQ(taken.dirty, 40 * k_unit);
  EXPECT_EQ(store_.bytes(), 4 * k_unit);
  drop(taken.range);
}

TEST_F(WarmTest, within_the_slack_nothing_is_moved) {
  give_apart(20);
  give_apart(24);
  const WarmMappings::Taken none = store_.take(30 * k_unit, 45 * k_unit);
  EXPECT_EQ(none.range.size, 0U);
  EXPECT_TRUE(none.scattered);
  const WarmMappings::Taken joined = store_.take(30 * k_unit, 44 * k_unit);
  EXPECT_EQ(joined.dirty, 30 * k_unit);
  EXPECT_TRUE(joined.scattered);
  drop(joined.range);
}

TEST_F(WarmTest, what_is_small_is_not_joined) {
  give_apart(3);
  give_apart(3);
  EXPECT_EQ(store_.take(6 * k_unit, 0).range.size, 0U);
  EXPECT_EQ(store_.bytes(), 6 * k_unit);
}

TEST_F(WarmTest, joined_again_and_again_a_range_does_not_fall_to_pieces) {
  // Whatever the order, there are at most a seam for each 64 KiB, or the kernel's number of
  // mappings would run out some day.
  std::vector<PageRange> live;
  for (size_t i = 0; i < 2000; i++) {
    const WarmMappings::Taken taken = store_.take((16 + i * 7 % 60) * k_unit, 0);
    PageRange range = taken.range;
    if (range.size == 0) range = map_apart(16 + i * 7 % 60);
    EXPECT_LE(range.seams, range.size / (64 * k_kib) + 16);
    live.push_back(range);
    if (live.size() < 8) continue;
    const size_t index = i * 5 % live.size();
    store_.give(live[index]);
    live[index] = live.back();
    live.pop_back();
  }
  for (const PageRange& range : live) drop(range);
}

TEST_F(WarmTest, one_with_too_many_seams_is_not_kept) {
  PageRange range = map_apart(16);
  range.seams = 17;
  store_.give(range);
  EXPECT_EQ(store_.bytes(), 0U);
  EXPECT_FALSE(is_there(range));
}

TEST_F(WarmTest, purging_takes_of_the_largest_first_and_no_more_than_it_must) {
  const PageRange small = give_apart(2);
  const PageRange largest = give_apart(9);
  const PageRange middle = give_apart(4);
  EXPECT_EQ(store_.purge(3 * k_unit), 3 * k_unit);
  EXPECT_FALSE(is_there(largest));
  EXPECT_TRUE(is_there({largest.end() - k_unit, k_unit, 0}));
  EXPECT_EQ(store_.purge(8 * k_unit), 8 * k_unit);
  EXPECT_FALSE(is_there({largest.end() - k_unit, k_unit, 0}));
  EXPECT_FALSE(is_there(middle));
  EXPECT_TRUE(is_there({middle.end() - k_unit, k_unit, 0}));
  EXPECT_TRUE(is_there(small));
  EXPECT_EQ(store_.purge(SIZE_MAX), 4 * k_unit);
  EXPECT_FALSE(is_there(small));
}

TEST_F(WarmTest, nothing_is_kept_where_the_limit_is_zero) {
  g_tuning.keeps_mappings.set(0);
  const PageRange range = give_apart(4);
  EXPECT_EQ(store_.bytes(), 0U);
  EXPECT_FALSE(is_there(range));
}

TEST_F(WarmTest, where_the_table_is_full_the_oldest_goes) {
  const size_t page = os::page_size();
  const size_t count = WarmMappings::k_table;
  // Every other page of one mapping, so that none merges.
  const PageRange whole{address_of(os::map(2 * count * page)), 2 * count * page, 0};
  for (size_t i = 0; i + 1 < count; i++) store_.give({whole.start + 2 * i * page, page, 0});
  EXPECT_EQ(store_.bytes(), (count - 1) * page);
  EXPECT_TRUE(is_there(whole));
  store_.give({whole.end() - 2 * page, page, 0});
  EXPECT_EQ(store_.bytes(), (count - 1) * page);
  EXPECT_FALSE(is_there(whole));
  store_.empty();
  drop(whole);
}

TEST_F(WarmTest, empty_unmaps_all) {
  std::vector<PageRange> given;
  for (int i = 0; i < 16; i++) given.push_back(give_apart(1));
  EXPECT_TRUE(store_.empty());
  EXPECT_EQ(store_.bytes(), 0U);
  for (const PageRange& range : given) EXPECT_FALSE(is_there(range));
  EXPECT_FALSE(store_.empty());
}

TEST_F(WarmTest, emptying_it_says_whether_there_was_anything) {
  EXPECT_FALSE(store_.empty());
  const PageRange range{address_of(os::map(8 * k_unit)), 8 * k_unit, 0};
  store_.give(range);
  EXPECT_TRUE(store_.empty());
  EXPECT_FALSE(is_there(range));
  EXPECT_FALSE(store_.empty());
}

TEST_F(WarmTest, the_ledger_learns_of_all_that_comes_and_goes) {
  const size_t in_all = g_ledger.live() + g_ledger.retained();
  const auto kept = [] { return g_ledger.retained(ledger::Keeper::mappings); };
  give_apart(20);
  give_apart(24);
  give_apart(9);
  EXPECT_EQ(kept(), 53 * k_unit);
  drop(store_.take_whole(8 * k_unit));
  EXPECT_EQ(kept(), 45 * k_unit);
  drop(store_.take(50 * k_unit, 0).range);
  EXPECT_EQ(kept(), k_unit);
  EXPECT_EQ(kept(), store_.bytes());
  EXPECT_EQ(g_ledger.live() + g_ledger.retained(), in_all);
  store_.empty();
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(g_ledger.live() + g_ledger.retained(), in_all - k_unit);
  PageRange unkept = map_apart(4);
  unkept.seams = 5;
  store_.give(unkept);
  EXPECT_EQ(kept(), 0U);
  EXPECT_EQ(g_ledger.live() + g_ledger.retained(), in_all - 5 * k_unit);
}

TEST_F(WarmTest, a_refused_join_loses_nothing_that_is_needed) {
  for (uint64_t nth = 1; nth <= 6; nth++) {
    give_apart(20);
    give_apart(24);
    os::g_fault_plan.fail_nth(nth, os::k_every_call, true);
    const WarmMappings::Taken taken = store_.take(50 * k_unit, 0);
    os::g_fault_plan.fail_nth(0);
    if (taken.range.size != 0) {
      EXPECT_EQ(taken.range.size, 50 * k_unit);
      EXPECT_TRUE(is_zero_from(taken.range, taken.dirty)) << nth;
      drop(taken.range);
    } else {
      EXPECT_EQ(store_.bytes(), 44 * k_unit) << nth;
    }
    store_.empty();
  }
}

TEST_F(WarmTest, one_that_cannot_be_grown_is_moved) {
  give_apart(20);
  os::g_fault_plan.fail_nth(1, only(os::Call::remap));
  const WarmMappings::Taken taken = store_.take(40 * k_unit, 0);
  os::g_fault_plan.fail_nth(0);
  EXPECT_EQ(taken.range.size, 40 * k_unit);
  EXPECT_EQ(taken.dirty, 20 * k_unit);
  EXPECT_TRUE(is_zero_from(taken.range, taken.dirty));
  drop(taken.range);
}

TEST_F(WarmTest, while_it_is_frozen_nothing_is_kept_and_nothing_found) {
  std::atomic<bool> done{false};
  std::thread company([&done] {
    while (!done) std::this_thread::yield();
  });
  give_apart(4);
  store_.freeze();
  EXPECT_EQ(store_.take(4 * k_unit, 0).range.size, 0U);
  EXPECT_EQ(store_.take_whole(4 * k_unit).size, 0U);
  const PageRange unkept = give_apart(2);
  EXPECT_FALSE(is_there(unkept));
  EXPECT_EQ(store_.bytes(), 4 * k_unit);
  store_.thaw();
  const PageRange taken = store_.take_whole(4 * k_unit);
  EXPECT_EQ(taken.size, 4 * k_unit);
  drop(taken);
  done = true;
  company.join();
}

TEST_F(WarmTest, threads_give_and_take_ranges_that_are_theirs_alone) {
  std::vector<std::thread> threads;
  for (unsigned char mark = 1; mark <= 4; mark++) {
    threads.emplace_back([this, mark] {
      for (size_t i = 0; i < 3000; i++) {
        const size_t size = (1 + (i * mark) % 24) * k_unit;
        PageRange range = store_.take(size, 0).range;
        if (range.size == 0) range = {address_of(os::map(size)), size, 0};
        auto* p = at_address<unsigned char>(range.start);
        for (size_t at = 0; at < size; at += k_unit) p[at] = mark;
        std::this_thread::yield();
        for (size_t at = 0; at < size; at += k_unit) ASSERT_EQ(p[at], mark);
        store_.give(range);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace arenite::chunk
