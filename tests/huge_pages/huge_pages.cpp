// Which processes get huge pages, and that what is freed inside one goes back all the same.

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_size = 256;
constexpr std::size_t k_blocks = 96_MiB / k_size;
char* g_blocks[k_blocks];

// A figure of /proc/self/smaps_rollup in bytes.
std::size_t rollup_bytes(const char* field) {
  static char text[4096];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  if (file < 0) cannot_try("the kernel tells nothing of huge pages");
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  EXPECT(length > 0);
  text[length] = 0;
  const char* line = strstr(text, field);
  EXPECT(line != nullptr);
  return strtoull(line + strlen(field), nullptr, 10) * 1024;
}
std::size_t huge_bytes() {
  return rollup_bytes("AnonHugePages:");
}
std::size_t resident_bytes() {
  return rollup_bytes("Rss:");
}

int count_mappings() {
  int count = 0;
  for_each_mapping([](const Mapping&, void* n) { ++*static_cast<int*>(n); }, &count);
  return count;
}

// Ends the case where the kernel has no huge page for anybody.
void need_huge_pages() {
  const std::size_t before = huge_bytes();
  constexpr std::size_t k_try = 16_MiB;
  void* start = mmap(nullptr, k_try, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(start != MAP_FAILED);
  madvise(start, k_try, MADV_HUGEPAGE);
  memset(start, 1, k_try);
  const bool has_some = huge_bytes() >= before + k_try / 2;
  munmap(start, k_try);
  if (!has_some) cannot_try("the kernel gives no huge pages here");
}

std::size_t milliseconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::size_t>(now.tv_sec) * 1000 +
         static_cast<std::size_t>(now.tv_nsec) / 1000000;
}

// So long, with some megabytes in use: `auto` has something to spend on huge pages then.
void work_for(std::size_t milliseconds) {
  void* block = malloc(10_MiB);
  EXPECT(block != nullptr);
  memset(block, 1, 10_MiB);
  keep(block);
  const std::size_t end = milliseconds_now() + milliseconds;
  while (milliseconds_now() < end) {
  }
}

void take_blocks(std::size_t bytes) {
  for (std::size_t i = 0; i < bytes / k_size; ++i) {
    g_blocks[i] = static_cast<char*>(malloc(k_size));
    EXPECT(g_blocks[i] != nullptr);
    memset(g_blocks[i], 1, k_size);
  }
}
void give_block(std::size_t i) {
  free(g_blocks[i]);
  g_blocks[i] = nullptr;
}

}  // namespace

CASE(a_process_that_grows_large_gets_them) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  need_huge_pages();
  take_blocks(96_MiB);
  if (mode_is_classic()) {
    EXPECT_EQ(huge_bytes(), 0);
  } else {
    // The ends of regions are small pages, and here and there the kernel may have had no other.
    EXPECT_AT_LEAST(huge_bytes(), 64_MiB);
  }
}

CASE(one_that_has_worked_gets_some_by_itself) {
  if (mode_is_classic()) return;
  need_huge_pages();
  work_for(1500);
  take_blocks(96_MiB);
  // How many depends on what the kernel takes for them. Of the first, 30 ms are allowed for each.
  EXPECT_AT_LEAST(huge_bytes(), 8_MiB);
}

CASE(one_that_has_only_begun_gets_none) {
  take_blocks(7_MiB);
  const std::size_t start = milliseconds_now();
  take_blocks(36_MiB);
  const std::size_t end = milliseconds_now();
  const std::size_t huge = huge_bytes();
  if (end >= start + 48) cannot_try("48 ms have gone by already");
  EXPECT_EQ(huge, 0);
}

CASE(a_small_process_gets_none) {
  work_for(200);
  take_blocks(14_MiB);
  EXPECT_EQ(huge_bytes(), 0);
}

CASE(never_means_never) {
  rerun_with({"ARENITE_HUGE_PAGES=never"});
  work_for(200);
  take_blocks(96_MiB);
  EXPECT_EQ(huge_bytes(), 0);
}

CASE(always_begins_earlier) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  if (mode_is_classic()) return;
  need_huge_pages();
  take_blocks(24_MiB);
  EXPECT_AT_LEAST(huge_bytes(), 2_MiB);
}

CASE(glibc_s_tunable_is_understood) {
  rerun_with({"GLIBC_TUNABLES=glibc.malloc.hugetlb=0"});
  work_for(200);
  take_blocks(96_MiB);
  EXPECT_EQ(huge_bytes(), 0);
}

CASE(mappings_stay_few) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  if (mode_is_classic()) return;
  need_huge_pages();
  take_blocks(24_MiB);
  const int before = count_mappings();
  take_blocks(96_MiB);
  EXPECT_AT_MOST(count_mappings(), before + 8);
}

CASE(a_process_is_no_larger_for_them_than_the_bound_allows) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  if (mode_is_classic()) return;
  const std::size_t before = resident_bytes();
  take_blocks(96_MiB);
  // Headers and words are 2 %, the last extent is not full.
  EXPECT_AT_MOST(resident_bytes(), before + 96_MiB + 96_MiB / 40 + 4_MiB);
}

CASE(what_is_freed_inside_one_goes_back) {
  rerun_with({"ARENITE_HUGE_PAGES=always"});
  if (mode_is_classic()) return;
  need_huge_pages();
  take_blocks(96_MiB);
  const std::size_t full = resident_bytes();
  // A run of 64 KiB in eight stays: none of the huge pages is free as a whole.
  constexpr std::size_t k_run = 64_KiB / k_size;
  for (std::size_t i = 0; i < k_blocks; ++i) {
    if (i / k_run % 8 != 0) give_block(i);
  }
  malloc_trim(0);
  // Where a run does not begin with a slab, it keeps three instead of two.
  EXPECT_AT_MOST(resident_bytes(), full - 96_MiB * 3 / 4);
  EXPECT_AT_MOST(huge_bytes(), 4_MiB);
  for (std::size_t i = 0; i < k_blocks; i += 8 * k_run)
    EXPECT(all_bytes_are(g_blocks[i], k_size, 1));
}
