// Whole free pages go back wherever they lie, are used again before fresh ones are, and are found
// empty by calloc.

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resident.hpp"

using namespace retention;

namespace {

// What may be resident beside the pages of live blocks: what may be retained, the figures and
// tables of the allocator (a thirtieth where blocks are small), and a little for the rest.
std::size_t allowed(const Blocks& blocks) {
  const std::size_t needed = blocks.needed();
  return needed + needed / 30 + bound(needed) + 2_MiB;
}

// Of blocks of a size every n-th stays; the pages between them are free.
void expect_that_pages_between_go_back(std::size_t size, std::size_t sum, std::size_t n) {
  Blocks blocks(sum / size + 1);
  const std::size_t before = resident();
  for (std::size_t i = 0; i < sum / size; ++i) blocks.add(size);
  EXPECT_AT_LEAST(resident(), before + sum);
  blocks.keep_every(n);
  EXPECT_AT_MOST(resident(), before + allowed(blocks));
  // They are still there for who asks for them.
  while (blocks.count() < sum / size) blocks.add(size);
  EXPECT_AT_MOST(resident(), before + sum / 8 * 10 + 4_MiB);
  blocks.remove_all();
}

void free_in_a_child(std::size_t size, std::size_t sum) {
  Blocks blocks(sum / size + 1);
  const std::size_t before = resident();
  for (std::size_t i = 0; i < sum / size; ++i) blocks.add(size);
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    blocks.remove_all();
    EXPECT_AT_MOST(resident(), before + 4_MiB);
    for (std::size_t i = 0; i < sum / size; ++i) blocks.add(size);
    blocks.remove_all();
    a_quiet_second();
    EXPECT_AT_MOST(resident(), before + 4_MiB);
    _exit(0);
  }
  EXPECT_GOOD_END(child);
  blocks.remove_all();
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

}  // namespace

CASE(pages_between_blocks_of_20_KiB_go_back) {
  expect_that_pages_between_go_back(20_KiB, 100_MiB, 10);
}

CASE(pages_between_blocks_of_100_KiB_go_back) {
  expect_that_pages_between_go_back(100_KiB, 100_MiB, 3);
}

CASE(the_rest_of_a_shrunk_mapping_goes_back) {
  Blocks blocks(1);
  const std::size_t before = resident();
  blocks.add(64_MiB);
  blocks.resize(0, 1_MiB);
  EXPECT_AT_MOST(resident(), before + 1_MiB + bound(1_MiB) + 256_KiB);
}

CASE(the_rest_of_shrunk_chunks_goes_back) {
  Blocks blocks(1000);
  const std::size_t before = resident();
  while (blocks.count() < 1000) blocks.add(100_KiB);
  for (std::size_t i = 0; i < 1000; ++i) blocks.resize(i, 10'000);
  EXPECT_AT_MOST(resident(), before + allowed(blocks));
}

CASE(one_kind_of_memory_is_given_up_for_another) {
  constexpr std::size_t k_need = 64_MiB;
  Blocks blocks(k_need / 500);
  const std::size_t before = resident();
  const std::size_t others = status_bytes("VmRSS");
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : {512_KiB / 1024, 20_KiB, 1_MiB, 8000 * 1_KiB / 1024, 60_KiB}) {
      for (std::size_t sum = 0; sum + size <= k_need; sum += size) blocks.add(size);
      blocks.remove_all();
    }
  }
  // Of the last 3 MiB one is room that the blocks of 1 MiB earn.
  EXPECT_AT_MOST(status_bytes("VmHWM"), others + k_need + k_need / 8 + k_need / 30 + 3_MiB);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 3_MiB);
}

CASE(what_is_kept_is_used_before_fresh_pages_are) {
  constexpr std::size_t k_part = 16_MiB;
  Blocks staying(k_part * 4 / 400), going(k_part / 400);
  const std::size_t before = resident();
  const std::size_t others = status_bytes("VmRSS");
  // Half of the live memory is exchanged for blocks of another size, over and over.
  const std::size_t sizes[] = {480, 24_KiB, 300_KiB, 7000, 1500, 100_KiB};
  std::size_t turn = 0;
  for (std::size_t sum = 0; sum < 4 * k_part; sum += 4096) staying.add(4096);
  // What may be retained at most, room for the blocks of 300 KiB among it, tables, and a class's
  // size over the request's.
  const std::size_t room = 5 * k_part / 4;
  const std::size_t most = 5 * k_part + bound(5 * k_part) + room + 5 * k_part / 30 + 2_MiB;
  for (int round = 0; round < 18; ++round) {
    const std::size_t size = sizes[turn++ % 6];
    for (std::size_t sum = 0; sum + size <= k_part; sum += size) going.add(size);
    going.remove_all();
  }
  EXPECT_AT_MOST(status_bytes("VmHWM"), others + most);
  staying.remove_all();
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 3_MiB);
}

CASE(calloc_finds_zero_where_pages_went_back) {
  Blocks blocks(100'000);
  Random random(7);
  for (const std::size_t largest : {2000_KiB / 1024, 8_KiB, 100_KiB, 2_MiB}) {
    for (int round = 0; round < 4; ++round) {
      for (std::size_t sum = 0; sum < 24_MiB;) {
        const std::size_t size = 1 + random.below(largest);
        if (round % 2 == 0) {
          blocks.add(size);  // not zero when it is freed
        } else {
          blocks.add_zeroed(size);
        }
        sum += size;
      }
      blocks.shuffle(random);
      blocks.keep_every(5);
      for (std::size_t sum = 0; sum < 12_MiB;) {
        const std::size_t size = 1 + random.below(largest);
        blocks.add_zeroed(size);
        sum += size;
      }
      blocks.shuffle(random);
      blocks.keep_every(20);
      if (round == 2) malloc_trim(0);
    }
    blocks.remove_all();
  }
}

CASE(memory_goes_back_and_is_filled_where_perturb_is_set) {
  if (getenv("ARENITE_PERTURB") == nullptr) rerun_with({"ARENITE_PERTURB=90"});
  constexpr unsigned char k_fresh = 90 ^ 0xff;
  Blocks blocks(50'000);
  Random random(3);
  for (const std::size_t largest : {2000_KiB / 1024, 60_KiB, 2_MiB}) {
    const std::size_t before = resident();
    for (int round = 0; round < 2; ++round) {
      for (std::size_t sum = 0; sum < 32_MiB;) {
        const std::size_t size = 1 + random.below(largest);
        void* p = keep(malloc(size));
        EXPECT(p != nullptr);
        EXPECT(all_bytes_are(p, size, k_fresh));
        free(p);
        blocks.add(size);
        blocks.add_zeroed(1 + random.below(largest));
        sum += 2 * size;
      }
      blocks.shuffle(random);
      blocks.keep_every(10);
    }
    blocks.remove_all();
    a_quiet_second();
    EXPECT_AT_MOST(resident(), before + 4_MiB);
  }
}

CASE(small_blocks_freed_in_a_forked_child_go_back) {
  free_in_a_child(500, 32_MiB);
}

CASE(chunks_freed_in_a_forked_child_go_back) {
  free_in_a_child(20_KiB, 64_MiB);
}

CASE(mappings_freed_in_a_forked_child_go_back) {
  free_in_a_child(1_MiB, 64_MiB);
}

CASE(a_child_forked_after_a_teardown_starts_without_what_was_kept) {
  Blocks blocks(200'000);
  const std::size_t before = resident();
  for (int tooth = 0; tooth < 10; ++tooth) {  // earns the right to keep some
    for (std::size_t sum = 0; sum < 64_MiB; sum += 500) blocks.add(500);
    blocks.remove_all();
  }
  const pid_t child = fork();
  EXPECT(child >= 0);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB);
  if (child == 0) _exit(0);
  EXPECT_GOOD_END(child);
}
