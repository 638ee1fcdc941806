#include "large/table.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "os/os.hpp"

namespace arenite::large {
namespace {

// Addresses stand for ranges: nothing is mapped there.
constexpr uintptr_t k_base = k_is_64_bit ? uintptr_t{1} << 40 : uintptr_t{1} << 30;
constexpr size_t k_page = 4096;

constinit Table g_tables[4];

void put(Table& table, const Range& range, RangeState state = RangeState::used) {
  const Table::Promise promise(table);
  ASSERT_TRUE(promise.holds());
  table.make_slot(range);
  table.put(range, state);
}

TEST(LargeTable, a_block_is_found_at_its_first_page_alone_and_taken_once) {
  Table& table = g_tables[0];
  for (const size_t size : {k_page, 5 * k_page, 128 * k_kib - k_page, 128 * k_kib, 3 * k_mib}) {
    const uintptr_t start = k_base + 7 * k_page;
    put(table, {start, size, size});
    for (uintptr_t p = start - 40 * k_page; p < start + size + 40 * k_page; p += k_page) {
      EXPECT_EQ(table.at(p).size, p == start ? size : 0) << p - start;
    }
    EXPECT_EQ(table.at(start + 16).size, 0U);
    EXPECT_EQ(table.at(start).seen, size);
    EXPECT_EQ(table.take(start).size, size);
    EXPECT_EQ(table.take(start).size, 0U);
    EXPECT_EQ(table.at(start).size, 0U);
  }
  EXPECT_EQ(table.at(UINTPTR_MAX - k_page + 1).size, 0U);
  EXPECT_EQ(table.at(0).size, 0U);
}

TEST(LargeTable, neighbours_of_all_sizes_stay_apart) {
  Table& table = g_tables[1];
  std::vector<Range> ranges;
  uintptr_t start = k_base;
  for (size_t i = 0; i < 5000; i++) {
    const size_t size = (1 + i * 37 % 100) * k_page;
    ranges.push_back({start, size, 0});
    put(table, ranges.back());
    start += size;
  }
  size_t count = 0;
  table.for_each(RangeState::used, [&](const Range& range) {
    EXPECT_EQ(table.at(range.start).size, range.size);
    count++;
    return true;
  });
  EXPECT_EQ(count, ranges.size());
  for (const Range& range : ranges) EXPECT_EQ(table.take(range.start).size, range.size);
}

TEST(LargeTable, what_is_stranded_is_no_block) {
  Table& table = g_tables[2];
  put(table, {k_base, k_mib, 0}, RangeState::stranded);
  EXPECT_TRUE(table.has_stranded());
  EXPECT_EQ(table.at(k_base).size, 0U);
  EXPECT_EQ(table.take(k_base).size, 0U);
  EXPECT_EQ(table.take(k_base, RangeState::stranded).size, k_mib);
  EXPECT_FALSE(table.has_stranded());
}

TEST(LargeTable, what_is_known_is_rounded_down) {
  const Range half = Table::rounded({k_base, 160 * k_page, 85 * k_page});
  EXPECT_EQ(half.seen, 80 * k_page);
  EXPECT_EQ(half.unseen(), 80 * k_page);
  EXPECT_EQ(Table::rounded({k_base, k_mib, k_mib}).seen, k_mib);
  EXPECT_EQ(Table::rounded({k_base, k_mib, 0, true}).unseen(), 0U);
  EXPECT_EQ(Table::rounded({k_base, k_mib, 0, true}).seen, 0U);
}

// Each block is put by one thread and freed by all: exactly one has it.
TEST(LargeTable, of_several_threads_one_takes_a_block) {
  Table& table = g_tables[3];
  constexpr size_t k_blocks = 3000;
  std::atomic<size_t> put_so_far{0};
  std::atomic<size_t> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < k_blocks; i++) {
        while (put_so_far.load(std::memory_order_acquire) <= i) std::this_thread::yield();
        if (table.take(k_base + i * k_mib).size != 0) taken++;
      }
    });
  }
  for (size_t i = 0; i < k_blocks; i++) {
    put(table, {k_base + i * k_mib, k_mib, 0});
    put_so_far.store(i + 1, std::memory_order_release);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), k_blocks);
}

}  // namespace
}  // namespace arenite::large
