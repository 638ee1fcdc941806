// Freed mappings are kept whole for the next large request, pages and all, as far as memory that is
// free may stay resident: an eighth of what is in use, and 1 MiB where that is less.

#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>

#include "mapped_blocks.hpp"

using namespace mappings;

namespace {

long page_faults() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_minflt;
}

char* take_filled(std::size_t size) {
  char* p = take(size);
  memset(p, 0xa5, size);
  return p;
}

// Takes so much, untouched, that `size` bytes may be kept, and a little more. In blocks that have
// no mapping of their own, which count as written.
void let_be_kept(std::size_t size) {
  for (std::size_t taken = 0; taken < 8 * (size + 1_MiB); taken += 2_MiB) take(2_MiB);
}

void expect_all_zero(const char* p, std::size_t size) {
  EXPECT(p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

}  // namespace

CASE(a_block_of_the_same_size_costs_no_page_faults) {
  let_be_kept(8_MiB);
  free(take_filled(8_MiB));
  const long before = page_faults();
  char* p = take_filled(8_MiB);
  EXPECT_AT_MOST(page_faults(), before + 4);
  free(p);
}

CASE(a_larger_block_costs_those_of_the_difference) {
  let_be_kept(40_MiB);
  free(take_filled(40_MiB));
  const long before = page_faults();
  char* p = take_filled(42_MiB);
  EXPECT_AT_MOST(page_faults(), before + 2 * 256 + 20);
  free(p);
}

CASE(what_is_freed_as_one_and_taken_in_parts_costs_no_page_faults) {
  let_be_kept(16_MiB);
  free(take_filled(16_MiB));
  const long before = page_faults();
  char* blocks[4];
  for (char*& p : blocks) p = take_filled(4_MiB);
  for (const char* p : blocks) EXPECT_EQ(p[0], static_cast<char>(0xa5));
  EXPECT_AT_MOST(page_faults(), before + 10);
  for (char* p : blocks) free(p);
}

CASE(a_block_may_be_several_mappings_to_the_kernel) {
  let_be_kept(8_MiB);
  char* p = take_filled(6_MiB);
  EXPECT_EQ(madvise(p + 6_MiB - 4096, 4096, MADV_DONTDUMP), 0);
  p = static_cast<char*>(realloc(p, 6_MiB - 8192));
  p = static_cast<char*>(realloc(p, 8_MiB));
  EXPECT(p != nullptr);
  EXPECT(all_bytes_are(p, 6_MiB - 8192, 0xa5));
  memset(p, 0xa5, 8_MiB);
  free(p);
}

// An aligned block is cut out of a larger mapping. What that has before and behind the block may be
// warm, and nobody would ever use it.
CASE(an_aligned_block_holds_no_warm_memory_beside_it) {
  constexpr std::size_t k_blocks = 16;
  let_be_kept(k_blocks * 6_MiB);
  char* blocks[k_blocks];
  for (char*& p : blocks) p = take_filled(6_MiB);
  const std::size_t full = status_bytes("VmRSS");
  for (char* p : blocks) free(p);
  for (char*& p : blocks) {
    p = static_cast<char*>(keep(memalign(2_MiB, 6_MiB)));
    EXPECT(p != nullptr && is_aligned(p, 2_MiB));
    EXPECT_AT_LEAST(malloc_usable_size(p), 6_MiB);
    fill(p, 6_MiB, 1);
  }
  EXPECT_AT_MOST(status_bytes("VmRSS"), full + 4_MiB);
  for (char*& p : blocks) {
    p = static_cast<char*>(realloc(p, 8_MiB));
    EXPECT(p != nullptr && intact(p, 6_MiB, 1));
    fill(p, 8_MiB, 2);
  }
  for (char* p : blocks) {
    EXPECT(intact(p, 8_MiB, 2));
    free(p);
  }
}

CASE(calloc_clears_what_was_kept) {
  let_be_kept(140_MiB);
  for (const std::size_t size : {200_KiB, 5_MiB, 7_MiB, 31_MiB, 70_MiB}) {
    auto* p = static_cast<char*>(calloc(1, size));
    EXPECT(p != nullptr);
    expect_all_zero(p, size);
    memset(p, 0xa5, size);
    char* beside = take_filled(size);
    free(p);
    p = static_cast<char*>(calloc(1, size / 3));
    EXPECT(p != nullptr);
    expect_all_zero(p, size / 3);
    memset(p, 0xa5, size / 3);
    free(p);
    free(beside);
  }
}

// A table of which little is written must not become resident in whole because it was kept.
CASE(a_large_table_that_is_cleared_holds_no_memory) {
  let_be_kept(64_MiB);
  char* filled = take_filled(64_MiB);
  const std::size_t full = status_bytes("VmRSS");
  free(filled);
  EXPECT_AT_LEAST(status_bytes("VmRSS"), full - 4_MiB);
  auto* p = static_cast<char*>(keep(calloc(1, 64_MiB)));
  EXPECT(p != nullptr);
  EXPECT_AT_MOST(status_bytes("VmRSS"), full - 60_MiB);
  expect_all_zero(p, 64_MiB);
  memset(p, 0xa5, 64_MiB);
  EXPECT(all_bytes_are(p, 64_MiB, 0xa5));
  free(p);
}

CASE(calloc_clears_what_was_made_larger) {
  let_be_kept(48_MiB);
  char* blocks[8];
  for (char*& p : blocks) p = take_filled(6_MiB);
  for (int i = 0; i < 8; i += 2) free(blocks[i]);
  auto* p = static_cast<char*>(calloc(1, 16_MiB));
  EXPECT(p != nullptr);
  expect_all_zero(p, 16_MiB);
  for (int i = 1; i < 8; i += 2) free(blocks[i]);
  free(p);
}

CASE(a_small_process_keeps_a_mebibyte) {
  take(1);
  char* blocks[20];
  const std::size_t resident = status_bytes("VmRSS");
  const std::size_t mapped = status_bytes("VmSize");
  for (char*& p : blocks) p = take_filled(10_MiB);
  for (char* p : blocks) free(p);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 2_MiB);
  EXPECT_AT_MOST(status_bytes("VmSize"), mapped + 2_MiB);
}

CASE(a_larger_one_keeps_an_eighth_of_what_it_uses) {
  let_be_kept(30_MiB);
  char* blocks[20];
  const std::size_t resident = status_bytes("VmRSS");
  const std::size_t mapped = status_bytes("VmSize");
  for (char*& p : blocks) p = take_filled(10_MiB);
  for (char* p : blocks) free(p);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 33_MiB);
  EXPECT_AT_MOST(status_bytes("VmSize"), mapped + 33_MiB);
  EXPECT_AT_LEAST(status_bytes("VmRSS"), resident + 10_MiB);
}

CASE(of_one_that_is_larger_no_more_is_kept) {
  let_be_kept(30_MiB);
  const std::size_t resident = status_bytes("VmRSS");
  free(take_filled(200_MiB));
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 33_MiB);
  EXPECT_AT_LEAST(status_bytes("VmRSS"), resident + 10_MiB);
}

CASE(shrinking_a_block_gives_its_tail_back) {
  char* p = take_filled(100_MiB);
  const std::size_t resident = status_bytes("VmRSS");
  p = static_cast<char*>(realloc(p, 4_MiB));
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident - 94_MiB);
  EXPECT(all_bytes_are(p, 4_MiB, 0xa5));
  free(p);
}

CASE(malloc_trim_gives_all_that_is_kept_back) {
  let_be_kept(30_MiB);
  malloc_trim(0);
  const std::size_t resident = status_bytes("VmRSS");
  free(take_filled(30_MiB));
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 1_MiB);
}

CASE(what_is_kept_is_not_in_use) {
  let_be_kept(30_MiB);
  take(1);
  const auto before = mallinfo2();
  free(take_filled(30_MiB));
  EXPECT_EQ(mallinfo2().hblks, before.hblks);
  EXPECT_EQ(mallinfo2().hblkhd, before.hblkhd);
  EXPECT_EQ(mallinfo2().uordblks, before.uordblks);
}

CASE(growth_in_turn_keeps_contents_and_reuses_pages) {
  let_be_kept(40_MiB);
  constexpr std::size_t k_blocks = 6;
  char* blocks[k_blocks] = {};
  std::size_t sizes[k_blocks] = {};
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 100_KiB; size < 6_MiB; size += size / 2) {
      for (std::size_t i = 0; i < k_blocks; ++i) {
        blocks[i] = static_cast<char*>(realloc(blocks[i], size + i * 5000));
        EXPECT(blocks[i] != nullptr && intact(blocks[i], sizes[i], i));
        sizes[i] = size + i * 5000;
        fill(blocks[i], sizes[i], i);
      }
    }
    for (std::size_t i = 0; i < k_blocks; ++i) {
      free(blocks[i]);
      blocks[i] = nullptr;
      sizes[i] = 0;
    }
  }
}

CASE(the_threshold_stays_when_a_mapping_is_freed) {
  take(1);
  for (const std::size_t size : {1_MiB, 4_MiB, 30_MiB, 100_MiB}) free(take(size));
  EXPECT(!is_mapped_on_its_own(256_KiB));
  EXPECT(is_mapped_on_its_own(5_MiB));
}

// Below 32 MiB, once a block of about the size was seen to be written: what is free between runs
// serves blocks of any size.
CASE(written_blocks_are_runs_from_the_second_on) {
  take(1);
  free(take_filled(9_MiB));
  EXPECT(!is_mapped_on_its_own(10_MiB));
  auto* zeroed = static_cast<char*>(calloc(1, 12_MiB));
  EXPECT(zeroed != nullptr);
  EXPECT_EQ(mapped_blocks(), 0);
  expect_all_zero(zeroed, 12_MiB);
  EXPECT(is_aligned(keep(memalign(1_MiB, 10_MiB)), 1_MiB));
  EXPECT_EQ(mapped_blocks(), 0);
  // Of other sizes nothing is known, and the largest always are mapped.
  EXPECT(is_mapped_on_its_own(20_MiB));
  free(take_filled(40_MiB));
  EXPECT(is_mapped_on_its_own(40_MiB));
}

CASE(blocks_that_are_not_written_go_on_having_mappings) {
  take(1);
  for (int i = 0; i < 5; ++i) {
    char* p = take(9_MiB);
    p[0] = 1;
    EXPECT_EQ(mapped_blocks(), 1);
    free(p);
    EXPECT_EQ(mapped_blocks(), 0);
  }
}

CASE(what_is_kept_of_a_mapping_is_first_taken_by_a_block_of_its_size) {
  let_be_kept(20_MiB);
  free(take_filled(9_MiB));
  const std::size_t resident = status_bytes("VmRSS");
  const long before = page_faults();
  char* alike = take_filled(9_MiB - 4096);
  EXPECT_EQ(mapped_blocks(), 1);
  EXPECT_AT_MOST(page_faults(), before + 4);
  free(alike);
  auto* zeroed = static_cast<char*>(calloc(1, 9_MiB));
  EXPECT(zeroed != nullptr);
  EXPECT_EQ(mapped_blocks(), 1);
  expect_all_zero(zeroed, 9_MiB);
  free(zeroed);
  // A smaller one is a run, and the mapping does not stay beside it.
  char* smaller = take_filled(8_MiB);
  EXPECT_EQ(mapped_blocks(), 0);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident);
  free(smaller);
}

CASE(a_threshold_that_was_set_maps_written_blocks_too) {
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 1_MiB), 1);
  free(take_filled(9_MiB));
  EXPECT(is_mapped_on_its_own(9_MiB));
}
