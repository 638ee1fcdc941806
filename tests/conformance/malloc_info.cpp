// malloc_info's documents, for malloc_info_check.py to parse and to add up.
//
// A case prints documents to stdout, and before one of them facts that it must agree with, a line
// each: `fact NAME VALUE`. Facts are those of mallinfo2, taken just before and found unchanged just
// after the document, and what the case knows to be live.

#include <malloc.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

char stdout_buffer[1 << 20];  // so that printing takes nothing from the heap

void use_own_buffer() {
  setvbuf(stdout, stdout_buffer, _IOFBF, sizeof(stdout_buffer));
}

void state(const char* name, std::size_t value) {
  printf("fact %s %zu\n", name, value);
}

void print_document_with_facts() {
  const auto info = mallinfo2();
  state("arena", info.arena);
  state("fordblks", info.fordblks);
  state("fsmblks", info.fsmblks);
  state("smblks", info.smblks);
  state("hblks", info.hblks);
  state("hblkhd", info.hblkhd);
  EXPECT_EQ(malloc_info(0, stdout), 0);
  const auto after = mallinfo2();
  EXPECT_EQ(after.arena, info.arena);
  EXPECT_EQ(after.uordblks, info.uordblks);
  EXPECT_EQ(after.fordblks, info.fordblks);
  EXPECT_EQ(fflush(stdout), 0);
}

// Live and free chunks of every kind: fast, unsorted, small, large, at the top, mapped.
std::size_t make_a_varied_heap(std::uint64_t seed) {
  constexpr int k_blocks = 1000;
  void* blocks[k_blocks];
  std::size_t live = 0;
  Random random(seed);
  for (int i = 0; i < k_blocks; ++i) {
    const std::size_t size = i % 200 == 0 ? 200_KiB : random.size(i % 5 == 0 ? 50000 : 500);
    blocks[i] = malloc(size);
    if (i % 3 == 0) live += size;
  }
  for (int i = 0; i < k_blocks; ++i)
    if (i % 3 == 1) free(blocks[i]);
  live += 60000;
  keep(malloc(60000));  // sorts what was freed; the rest stays unsorted and in fast bins
  for (int i = 0; i < k_blocks; ++i)
    if (i % 3 == 2) free(blocks[i]);
  return live;
}

std::atomic<bool> stop{false};

}  // namespace

CASE(a_fresh_heap) {
  use_own_buffer();
  keep(malloc(1));
  state("arenas", 1);
  print_document_with_facts();
}

CASE(a_varied_heap) {
  use_own_buffer();
  const auto before = mallinfo2();
  const std::size_t live = make_a_varied_heap(11);
  state("live", live);
  state("live_before", before.uordblks + before.hblkhd);
  print_document_with_facts();
}

CASE(slabs_are_one_more_heap) {
  use_own_buffer();
  void* blocks[500];
  for (void*& p : blocks) p = malloc(500);
  for (int i = 100; i < 500; ++i) free(blocks[i]);
  state("arenas", 1);
  state("slabs", mode_is_classic() ? 0 : 1);
  print_document_with_facts();
}

CASE(what_was_purged_inside_slabs_is_still_free) {
  use_own_buffer();
  void* blocks[512];
  for (void*& p : blocks) p = memset(malloc(4000), 1, 4000);
  for (int i = 0; i < 512; ++i)
    if (i % 8 != 0) free(blocks[i]);
  malloc_trim(0);
  print_document_with_facts();
}

CASE(arenas_of_several_threads) {
  use_own_buffer();
  static pthread_barrier_t made, leave;
  static std::atomic<std::size_t> live{0};
  pthread_barrier_init(&made, nullptr, 5);
  pthread_barrier_init(&leave, nullptr, 5);
  pthread_t threads[4];
  const auto before = mallinfo2();
  for (std::uintptr_t i = 0; i < 4; ++i)
    EXPECT_EQ(pthread_create(
                  &threads[i], nullptr,
                  [](void* seed) -> void* {
                    live += make_a_varied_heap(reinterpret_cast<std::uintptr_t>(seed));
                    pthread_barrier_wait(&made);
                    pthread_barrier_wait(&leave);
                    return nullptr;
                  },
                  reinterpret_cast<void*>(i)),
              0);
  pthread_barrier_wait(&made);
  state("live", live);
  state("live_before", before.uordblks + before.hblkhd);
  if (mode_is_classic() && sizeof(void*) == 8) state("arenas", 5);
  print_document_with_facts();
  pthread_barrier_wait(&leave);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

CASE(documents_under_allocation_load) {
  use_own_buffer();
  pthread_t threads[3];
  for (std::uintptr_t i = 0; i < 3; ++i)
    EXPECT_EQ(pthread_create(
                  &threads[i], nullptr,
                  [](void* seed) -> void* {
                    Random random(reinterpret_cast<std::uintptr_t>(seed));
                    void* blocks[300] = {};
                    while (!stop) {
                      void*& p = blocks[random.below(300)];
                      free(p);
                      p = malloc(random.size(random.below(100) == 0 ? 300_KiB : 2000));
                    }
                    for (void* p : blocks) free(p);
                    return nullptr;
                  },
                  reinterpret_cast<void*>(i + 1)),
              0);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(malloc_info(0, stdout), 0);
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  fflush(stdout);
}
