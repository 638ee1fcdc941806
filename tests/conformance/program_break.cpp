// How the main arena's memory goes back to the kernel, and how it shares the break with others.
//
// Only the top is trimmed, so one block at the end of the heap keeps everything below it: the
// notes' best-known experiment, and the reason for malloc_trim.

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

char* take(std::size_t size) {
  auto* p = static_cast<char*>(malloc(size));
  EXPECT(p != nullptr);
  return keep(p);
}

char* take_filled(std::size_t size) {
  char* p = take(size);
  memset(p, 1, size);
  return p;
}

// A break that is another's from here on: the next brk beyond it must fail.
void block_the_break() {
  const std::uintptr_t page = (program_break() + 4095) & ~std::uintptr_t{4095};
  void* wall = mmap(reinterpret_cast<void*>(page), 4096, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  EXPECT(wall == reinterpret_cast<void*>(page));
}

}  // namespace

CASE(freeing_everything_returns_the_break_but_for_the_top_pad) {
  static char* blocks[1000];
  take(1);
  const std::uintptr_t before = program_break();
  for (char*& p : blocks) p = take_filled(10000);
  EXPECT_AT_LEAST(program_break() - before, 9_MiB);
  for (char* p : blocks) free(p);
  EXPECT_AT_MOST(program_break() - before, 128_KiB + 4096);
  for (char*& p : blocks) p = take_filled(10000);
  for (int i = 999; i >= 0; --i) free(blocks[i]);
  EXPECT_AT_MOST(program_break() - before, 256_KiB + 4096);
}

CASE(a_top_below_the_trim_threshold_stays) {
  take(20000);
  const std::uintptr_t high = program_break();
  for (int i = 0; i < 10; ++i) {
    free(take(100000));
    EXPECT_EQ(program_break(), high);
  }
}

CASE(one_block_at_the_end_pins_the_heap) {
  static char* blocks[1000];
  for (char*& p : blocks) p = take_filled(10000);
  char* pin = take(2000);
  const std::uintptr_t high = program_break();
  const std::size_t resident = status_bytes("VmRSS");
  for (char* p : blocks) free(p);
  EXPECT_EQ(program_break(), high);
  EXPECT_AT_LEAST(status_bytes("VmRSS") + 1_MiB, resident);
  free(pin);
  EXPECT_AT_MOST(program_break(), high - 9_MiB);
}

CASE(the_experiment_of_1024_pairs_keeps_its_memory_until_one_more_free) {
  // 1,024 times 10 KiB and one byte. The last block freed is a byte in a fast bin, which coalesces
  // with nothing, so the top never grows; any large request ends that.
  static char* a[1024];
  static char* b[1024];
  for (int i = 0; i < 1024; ++i) {
    a[i] = take_filled(10240);
    b[i] = take_filled(1);
  }
  const std::uintptr_t high = program_break();
  const std::size_t resident = status_bytes("VmRSS");
  EXPECT_AT_LEAST(resident, 10_MiB);
  for (int i = 0; i < 1024; ++i) {
    free(a[i]);
    free(b[i]);
  }
  EXPECT_EQ(program_break(), high);
  EXPECT_AT_LEAST(status_bytes("VmRSS") + 1_MiB, resident);
  free(take(10240));
  EXPECT_AT_MOST(program_break(), high - 9_MiB);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident - 9_MiB);
}

CASE(malloc_trim_returns_whole_pages_inside_the_heap) {
  static char* blocks[2000];
  for (char*& p : blocks) {
    p = take_filled(20000);
    take(16);
  }
  const std::size_t resident = status_bytes("VmRSS");
  for (char* p : blocks) free(p);
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident - 30_MiB);
}

CASE(malloc_trim_keeps_the_pad_it_is_asked_for) {
  const std::uintptr_t start = program_break();
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  for (int i = 0; i < 20; ++i) take(100000);
  char* all[50];
  for (char*& q : all) q = take(100000);
  for (char* q : all) free(q);
  const std::uintptr_t high = program_break();
  EXPECT_EQ(malloc_trim(2_MiB), 1);
  const std::uintptr_t padded = program_break();
  EXPECT(padded < high);
  EXPECT_AT_LEAST(padded - start, 20 * 100000 + 2_MiB);
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(program_break(), padded - 2_MiB + 8192);
}

CASE(memory_that_the_program_took_from_the_break_is_left_alone) {
  constexpr int k_rounds = 50;
  static char* foreign[k_rounds];
  static char* ours[k_rounds][30];
  for (int i = 0; i < k_rounds; ++i) {
    for (char*& p : ours[i]) memset(p = take(6000), 0x11, 6000);
    foreign[i] = static_cast<char*>(sbrk(4096 + i * 8));
    EXPECT(foreign[i] != reinterpret_cast<char*>(-1));
    fill(foreign[i], 4096, static_cast<std::uint64_t>(i));
  }
  for (int i = 0; i < k_rounds; ++i)
    for (char* p : ours[i]) {
      EXPECT(all_bytes_are(p, 6000, 0x11));
      free(p);
    }
  malloc_trim(0);
  for (int i = 0; i < 2000; ++i) memset(take(3000), 0x22, 3000);
  for (int i = 0; i < k_rounds; ++i) {
    EXPECT(is_mapped(foreign[i]));
    EXPECT(intact(foreign[i], 4096, static_cast<std::uint64_t>(i)));
  }
}

CASE(blocks_stay_aligned_after_an_odd_foreign_sbrk) {
  for (const int odd : {1, 7, 8, 24, 4095, 12345}) {
    take(1000);
    EXPECT(sbrk(odd) != reinterpret_cast<void*>(-1));
    for (int i = 0; i < 200; ++i) {
      char* p = take(1000);
      EXPECT(is_aligned(p, 2 * sizeof(void*)));
      memset(p, 1, 1000);
    }
  }
}

CASE(a_foreign_sbrk_above_the_top_stops_trimming_not_serving) {
  static char* blocks[500];
  for (char*& p : blocks) p = take_filled(10000);
  auto* foreign = static_cast<char*>(sbrk(4096));
  fill(foreign, 4096, 1);
  const std::uintptr_t high = program_break();
  for (char* p : blocks) free(p);
  malloc_trim(0);
  EXPECT_EQ(program_break(), high);
  EXPECT(intact(foreign, 4096, 1));
  for (char*& p : blocks) p = take_filled(10000);
  EXPECT(intact(foreign, 4096, 1));
}

CASE(a_blocked_break_is_replaced_by_mappings) {
  take(1);
  block_the_break();
  const std::uintptr_t blocked = program_break();
  static char* blocks[2000];
  for (int i = 0; i < 2000; ++i)
    fill(blocks[i] = take(10000), 10000, static_cast<std::uint64_t>(i));
  EXPECT_EQ(program_break(), blocked);
  for (int i = 0; i < 2000; ++i) {
    EXPECT(intact(blocks[i], 10000, static_cast<std::uint64_t>(i)));
    free(blocks[i]);
  }
  for (int i = 0; i < 20000; ++i) free(take(static_cast<std::size_t>(i)));
}

CASE(a_break_blocked_from_the_first_byte_is_replaced_by_mappings) {
  block_the_break();
  for (int i = 0; i < 20000; ++i) {
    char* p = take(static_cast<std::size_t>(i % 3000));
    fill(p, static_cast<std::size_t>(i % 3000), 1);
    if (i % 3 == 0) free(p);
  }
}

CASE(a_freed_mapping_is_gone_at_once) {
  char* p = take(8_MiB);
  memset(p, 1, 8_MiB);
  const std::size_t size = status_bytes("VmSize");
  free(p);
  EXPECT(!is_mapped(keep(p)));
  EXPECT_AT_MOST(status_bytes("VmSize"), size - 8_MiB);
}

CASE(the_trim_threshold_grows_to_twice_the_mmap_threshold) {
  free(take(4_MiB));
  static char* blocks[70];
  take(1);
  const std::uintptr_t low = program_break();
  for (char*& p : blocks) p = take(100000);
  const std::uintptr_t high = program_break();
  EXPECT_AT_LEAST(high - low, 6_MiB);
  for (char* p : blocks) free(p);
  EXPECT_EQ(program_break(), high);  // 7 MB on top: less than 8 MiB
  static char* more[100];
  for (char*& p : more) p = take(100000);
  const std::uintptr_t higher = program_break();
  for (char* p : more) free(p);
  EXPECT(program_break() < higher);
}

CASE(malloc_trim_returns_zero_when_there_is_nothing_to_give) {
  keep(malloc(100));
  malloc_trim(0);
  EXPECT_EQ(malloc_trim(0), 0);
}
