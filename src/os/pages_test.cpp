// Pages: what the kernel gives and takes, and that it may refuse.
//
// Nothing is allocated while a fault plan is set: the test program's own malloc would be counted.
#include "os/pages.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "os/fault.hpp"
#include "os/resident_fixture.hpp"

namespace arenite::os {
namespace {

constexpr unsigned only(Call call) {
  return 1U << static_cast<unsigned>(call);
}

bool all_zero(const char* p, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (p[i] != 0) return false;
  }
  return true;
}

class PagesTest : public testing::Test {
 protected:
  const size_t page_ = page_size();
};

TEST_F(PagesTest, a_page_is_a_power_of_two_of_4_kib_or_more) {
  EXPECT_TRUE(is_power_of_two(page_));
  EXPECT_GE(page_, 4096U);
}

TEST_F(PagesTest, a_mapping_is_zero_and_can_be_written) {
  char* p = static_cast<char*>(map(4 * page_));
  ASSERT_NE(p, nullptr);
  EXPECT_TRUE(all_zero(p, 4 * page_));
  p[4 * page_ - 1] = 1;
  EXPECT_TRUE(unmap(p, 4 * page_));
  EXPECT_FALSE(is_readable(p));
}

TEST_F(PagesTest, reserved_addresses_are_aligned_and_have_no_access) {
  for (size_t alignment = page_; alignment <= 16 * k_mib; alignment *= 8) {
    void* p = reserve(4 * page_, alignment);
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(is_aligned(address_of(p), alignment)) << alignment;
    EXPECT_FALSE(is_readable(p));
    EXPECT_TRUE(unmap(p, 4 * page_));
  }
}

TEST_F(PagesTest, committed_pages_are_zero_and_decommitted_ones_out_of_reach) {
  char* p = static_cast<char*>(reserve(4 * page_, page_));
  ASSERT_TRUE(commit(p, 2 * page_));
  EXPECT_TRUE(all_zero(p, 2 * page_));
  EXPECT_FALSE(is_readable(p + 2 * page_));
  p[0] = 1;
  ASSERT_TRUE(decommit(p, 2 * page_));
  EXPECT_FALSE(is_readable(p));
  ASSERT_TRUE(commit(p, 2 * page_));
  EXPECT_EQ(p[0], 0);
  unmap(p, 4 * page_);
}

TEST_F(PagesTest, purged_pages_stay_readable_and_read_as_zero) {
  char* p = static_cast<char*>(map(4 * page_));
  __builtin_memset(p, 0xa5, 4 * page_);
  ASSERT_TRUE(purge(p + page_, 2 * page_));
  EXPECT_NE(p[page_ - 1], 0);
  EXPECT_TRUE(all_zero(p + page_, 2 * page_));
  EXPECT_NE(p[3 * page_], 0);
  unmap(p, 4 * page_);
}

TEST_F(PagesTest, populated_pages_hold_memory_and_are_zero) {
  char* p = static_cast<char*>(map(4 * page_));
  ASSERT_FALSE(has_memory(p, 4 * page_));
  populate(p + page_, 2 * page_);
  if (!has_memory(p + page_, page_)) GTEST_SKIP() << "the kernel is older than 5.14";
  EXPECT_TRUE(has_memory(p + 2 * page_, page_));
  EXPECT_FALSE(has_memory(p, page_));
  EXPECT_FALSE(has_memory(p + 3 * page_, page_));
  EXPECT_TRUE(all_zero(p + page_, 2 * page_));
  unmap(p, 4 * page_);
}

TEST_F(PagesTest, where_pages_cannot_be_populated_nothing_has_changed) {
  char* p = static_cast<char*>(map(page_));
  errno = 0;
  g_fault_plan.fail_nth(1, only(Call::populate), true);
  populate(p, page_);
  g_fault_plan.fail_nth(0);
  EXPECT_EQ(errno, 0);
  EXPECT_FALSE(has_memory(p, page_));
  p[0] = 1;
  unmap(p, page_);
}

TEST_F(PagesTest, several_ranges_go_back_and_what_lies_between_stays) {
  char* p = static_cast<char*>(map(8 * page_));
  __builtin_memset(p, 1, 8 * page_);
  const PurgeRange ranges[] = {{p, page_}, {p + 2 * page_, 2 * page_}, {p + 7 * page_, page_}};
  EXPECT_EQ(purge(ranges, 3), 4 * page_);
  EXPECT_TRUE(all_zero(p, page_));
  EXPECT_EQ(p[page_], 1);
  EXPECT_TRUE(all_zero(p + 2 * page_, 2 * page_));
  EXPECT_EQ(p[4 * page_], 1);
  EXPECT_TRUE(all_zero(p + 7 * page_, page_));
  unmap(p, 8 * page_);
}

TEST_F(PagesTest, a_range_that_is_refused_ends_the_batch_and_only_what_went_counts) {
  char* p = static_cast<char*>(map(6 * page_));
  __builtin_memset(p, 1, 6 * page_);
  const PurgeRange ranges[] = {{p, page_}, {p + 2 * page_, page_}, {p + 4 * page_, page_}};
  g_fault_plan.fail_nth(2, only(Call::purge));
  const size_t gone = purge(ranges, 3);
  g_fault_plan.fail_nth(0);
  EXPECT_EQ(gone, page_);
  EXPECT_TRUE(all_zero(p, page_));
  EXPECT_EQ(p[2 * page_], 1);
  EXPECT_EQ(p[4 * page_], 1);
  unmap(p, 6 * page_);
}

TEST_F(PagesTest, a_remapped_block_keeps_its_contents) {
  char* p = static_cast<char*>(map(2 * page_));
  p[0] = 1;
  p[2 * page_ - 1] = 2;
  p = static_cast<char*>(remap(p, 2 * page_, 64 * page_, true));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p[0], 1);
  EXPECT_EQ(p[2 * page_ - 1], 2);
  EXPECT_TRUE(all_zero(p + 2 * page_, 62 * page_));
  EXPECT_EQ(remap(p, 64 * page_, page_, false), p);
  EXPECT_FALSE(is_readable(p + page_));
  unmap(p, page_);
}

TEST_F(PagesTest, a_mapping_made_plain_is_as_fresh_but_for_its_contents) {
  char* start = static_cast<char*>(map(4 * page_));
  memset(start, 5, 4 * page_);
  mprotect(start, page_, PROT_NONE);
  mprotect(start + page_, page_, PROT_READ);
  madvise(start + 2 * page_, page_, MADV_DONTFORK);
  madvise(start + 3 * page_, page_, 18);  // MADV_WIPEONFORK
  errno = 77;
  EXPECT_TRUE(make_plain(start, 4 * page_));
  EXPECT_EQ(errno, 77);
  for (size_t i = 0; i < 4; i++) EXPECT_EQ(start[i * page_]++, 5);
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < 4; i++) {
      if (start[i * page_] != 6) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  unmap(start, 4 * page_);
}

TEST_F(PagesTest, what_has_a_gap_or_is_shared_cannot_be_made_plain) {
  char* start = static_cast<char*>(map(3 * page_));
  EXPECT_EQ(mmap(start + page_, page_, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
            start + page_);
  EXPECT_FALSE(make_plain(start, 3 * page_));
  unmap(start + page_, page_);
  EXPECT_FALSE(make_plain(start, 3 * page_));
  g_fault_plan.fail_nth(1, only(Call::make_plain));
  EXPECT_FALSE(make_plain(start, page_));
  g_fault_plan.fail_nth(0);
  EXPECT_TRUE(make_plain(start, page_));
  unmap(start, 3 * page_);
}

TEST_F(PagesTest, is_readable_tells_without_touching) {
  const size_t word = 0;
  EXPECT_TRUE(is_readable(&word));
  EXPECT_FALSE(is_readable(nullptr));
  EXPECT_FALSE(is_readable(at_address(UINTPTR_MAX - 4095)));
  EXPECT_FALSE(is_readable(at_address(page_)));
}

// The kernel compares the word with one that it may be equal to.
TEST_F(PagesTest, is_readable_does_not_depend_on_what_the_word_is) {
  for (const size_t word : {size_t{0}, size_t{1}, SIZE_MAX}) EXPECT_TRUE(is_readable(&word));
}

TEST_F(PagesTest, is_readable_goes_by_the_access_that_pages_have) {
  char* p = static_cast<char*>(map(4 * page_));
  mprotect(p + page_, page_, PROT_NONE);
  mprotect(p + 2 * page_, page_, PROT_READ);
  EXPECT_TRUE(is_readable(p + page_ - sizeof(size_t)));
  EXPECT_FALSE(is_readable(p + page_));
  EXPECT_FALSE(is_readable(p + 2 * page_ - sizeof(size_t)));
  EXPECT_TRUE(is_readable(p + 2 * page_));
  unmap(p + 3 * page_, page_);
  EXPECT_FALSE(is_readable(p + 3 * page_));
  unmap(p, 3 * page_);
}

TEST_F(PagesTest, the_break_moves_up_and_back) {
  void* before = move_break(static_cast<ptrdiff_t>(page_));
  void* between = move_break(-static_cast<ptrdiff_t>(page_));
  void* after = move_break(0);
  EXPECT_EQ(address_of(between), address_of(before) + page_);
  EXPECT_EQ(after, before);
}

TEST_F(PagesTest, a_refusal_leaves_errno_alone) {
  errno = 77;
  const void* none = reserve(align_down(SIZE_MAX - 16 * k_mib, page_), page_);
  const bool readable = is_readable(at_address(page_ / 2));
  const int after = errno;
  EXPECT_EQ(none, nullptr);
  EXPECT_FALSE(readable);
  EXPECT_EQ(after, 77);
}

// An extent that lies as a huge page must, within a larger range.
class HugePageTest : public PagesTest {
 protected:
  HugePageTest() {
    keep_small(start_, 3 * k_huge_page);
    commit(start_, 3 * k_huge_page);
  }
  ~HugePageTest() override {
    g_fault_plan.fail_nth(0);
    unmap(start_, 3 * k_huge_page);
  }
  size_t resident_pages(const void* start, size_t size) const {
    std::vector<unsigned char> pages(size / page_);
    EXPECT_EQ(mincore(const_cast<void*>(start), size, pages.data()), 0);
    return static_cast<size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
  }

  char* const start_ = static_cast<char*>(reserve(3 * k_huge_page, k_huge_page));
  char* const extent_ = start_ + k_huge_page;
};

TEST_F(HugePageTest, an_extent_is_resident_and_zero_and_its_neighbours_are_not) {
  if (!populate_huge(extent_)) GTEST_SKIP() << "the kernel has no huge page";
  EXPECT_EQ(resident_pages(start_, 3 * k_huge_page), k_huge_page / page_);
  EXPECT_TRUE(all_zero(extent_, k_huge_page));
}

TEST_F(HugePageTest, a_purge_inside_takes_just_that) {
  if (!populate_huge(extent_)) GTEST_SKIP() << "the kernel has no huge page";
  extent_[5 * page_] = 1;
  extent_[6 * page_] = 1;
  EXPECT_TRUE(purge(extent_ + 4 * page_, 2 * page_));
  EXPECT_EQ(resident_pages(extent_, k_huge_page), k_huge_page / page_ - 2);
  EXPECT_EQ(extent_[5 * page_], 0);
  EXPECT_EQ(extent_[6 * page_], 1);
}

TEST_F(HugePageTest, a_refusal_changes_nothing) {
  g_fault_plan.fail_nth(1, only(Call::huge));
  EXPECT_FALSE(populate_huge(extent_));
  g_fault_plan.fail_nth(0);
  EXPECT_EQ(resident_pages(extent_, k_huge_page), 0U);
}

// As where the kernel has no huge page left.
TEST_F(HugePageTest, an_extent_that_has_small_pages_becomes_resident_as_a_whole) {
  extent_[5 * page_] = 7;
  if (!populate_huge(extent_)) GTEST_SKIP() << "the kernel knows no huge pages";
  EXPECT_EQ(resident_pages(start_, 3 * k_huge_page), k_huge_page / page_);
  EXPECT_EQ(extent_[5 * page_], 7);
}

TEST(HugePages, the_machine_s_setting_is_what_stands_in_brackets) {
  std::string file = (std::filesystem::temp_directory_path() / "arenite-enabled-XXXXXX").string();
  close(mkstemp(file.data()));
  errno = 77;
  for (const char* text : {"[always] madvise never\n", "always [madvise] never\n", "", "never\n"}) {
    std::ofstream(file) << text;
    EXPECT_FALSE(huge_pages_are_off(file.c_str())) << text;
  }
  std::ofstream(file) << "always madvise [never]\n";
  EXPECT_TRUE(huge_pages_are_off(file.c_str()));
  std::filesystem::remove(file);
  errno = 77;
  EXPECT_FALSE(huge_pages_are_off(file.c_str()));
  EXPECT_EQ(errno, 77);
}

TEST_F(PagesTest, a_fault_plan_fails_the_nth_call_of_its_kind_alone) {
  char* p = static_cast<char*>(map(page_));
  g_fault_plan.fail_nth(2, only(Call::purge));
  const bool others = commit(p, page_);
  const bool first = purge(p, page_);
  const bool second = purge(p, page_);
  const bool third = purge(p, page_);
  const uint64_t seen = g_fault_plan.seen();
  g_fault_plan.fail_nth(0);
  EXPECT_TRUE(others && first && third);
  EXPECT_FALSE(second);
  EXPECT_EQ(seen, 3U);
  unmap(p, page_);
}

TEST_F(PagesTest, a_fault_plan_can_fail_everything_from_then_on) {
  char* p = static_cast<char*>(map(page_));
  g_fault_plan.fail_nth(1, k_every_call, true);
  const bool given = map(page_) != nullptr || reserve(page_, page_) != nullptr;
  const bool done = commit(p, page_) || decommit(p, page_) || purge(p, page_) || unmap(p, page_);
  const bool moved =
      remap(p, page_, 2 * page_, true) != nullptr || move_break(16) != nullptr || populate_huge(p);
  g_fault_plan.fail_nth(0);
  EXPECT_FALSE(given || done || moved);
  EXPECT_TRUE(is_readable(p));
  EXPECT_TRUE(unmap(p, page_));
}

}  // namespace
}  // namespace arenite::os
