// Which pages lie in runs of the main arena: asked of a bit, to the page, across granules.
#include "chunk/page_bits.hpp"

#include <gtest/gtest.h>

#include "os/os.hpp"

namespace arenite::chunk {
namespace {

// Addresses that nobody uses are as good as any: nothing is read there.
constexpr uintptr_t k_start = 5 * k_granule;
constexpr size_t k_page = PageBits::k_smallest_page;

TEST(RunPages, an_address_lies_in_a_run_from_its_first_byte_to_its_last) {
  const uintptr_t begin = k_start + 7 * k_page;
  const uintptr_t end = begin + 70 * k_page;
  EXPECT_FALSE(is_run_page(begin));
  ASSERT_TRUE(note_run_pages(begin, end));
  EXPECT_FALSE(is_run_page(begin - 1));
  EXPECT_FALSE(is_run_page(end));
  for (uintptr_t at = begin; at < end; at += k_page) {
    EXPECT_TRUE(is_run_page(at));
    EXPECT_TRUE(is_run_page(at + k_page - 1));
  }
}

TEST(RunPages, a_run_may_span_granules_and_adjoin_another) {
  const uintptr_t begin = k_start + 3 * k_granule - 2 * k_page;
  const uintptr_t end = k_start + 5 * k_granule + 3 * k_page;
  ASSERT_TRUE(note_run_pages(begin, end));
  ASSERT_TRUE(note_run_pages(end, end + k_page));
  for (uintptr_t at = begin; at < end + k_page; at += k_page) ASSERT_TRUE(is_run_page(at));
  EXPECT_FALSE(is_run_page(begin - 1));
  EXPECT_FALSE(is_run_page(end + k_page));
}

TEST(RunPages, an_address_beyond_all_tables_lies_in_none) {
  EXPECT_FALSE(is_run_page(0));
  EXPECT_FALSE(is_run_page(UINTPTR_MAX));
  EXPECT_FALSE(is_run_page(UINTPTR_MAX / 2));
}

TEST(RunPages, without_memory_for_the_bits_nothing_is_noted) {
  const uintptr_t begin = k_start + 10 * k_granule;
  os::g_fault_plan.fail_nth(1, 1U << static_cast<unsigned>(os::Call::map), true);
  // What was mapped before for such tables may still serve some.
  uintptr_t at = begin;
  while (at < begin + 1000 * k_granule && note_run_pages(at, at + k_page)) at += k_granule;
  os::g_fault_plan.fail_nth(0);
  if (!k_is_64_bit && at == begin + 1000 * k_granule) GTEST_SKIP() << "the tables had room";
  ASSERT_NE(at, begin + 1000 * k_granule);
  EXPECT_FALSE(is_run_page(at));
  EXPECT_TRUE(note_run_pages(at, at + k_page));
  EXPECT_TRUE(is_run_page(at));
}

}  // namespace
}  // namespace arenite::chunk
