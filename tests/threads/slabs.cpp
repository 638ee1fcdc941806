// What threads may cost where each has slabs of its own: nothing when they have ended, little when
// they are idle, and nothing that others have freed while they slept.

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"
#include "threads.hpp"

using namespace behaviour;

namespace {

// Blocks that each thread of a row leaves to the next.
constexpr std::size_t k_left = 8;
void* left[k_left];
std::size_t left_sizes[k_left];

// Takes and frees blocks of several classes, more of some than come from anywhere but slabs; frees
// what the thread before left, and leaves as many.
void* take_over_and_leave(void* number) {
  Random random(reinterpret_cast<std::uintptr_t>(number));
  constexpr std::size_t k_own = 48;
  void* own[k_own];
  const std::size_t common = 16 + random.below(500);
  for (std::size_t i = 0; i < k_own; ++i) {
    own[i] = malloc(i % 4 != 0 ? common : 16 + random.below(8000));
    EXPECT(own[i] != nullptr);
    memset(own[i], 1, 16);
  }
  for (std::size_t i = 0; i < k_left; ++i) {
    if (left[i] != nullptr) EXPECT(intact(left[i], left_sizes[i], i));
    free(left[i]);
    left_sizes[i] = i % 2 == 0 ? common : 16 + random.below(1000);
    left[i] = malloc(left_sizes[i]);
    fill(left[i], left_sizes[i], i);
  }
  for (void* p : own) free(p);
  return nullptr;
}

}  // namespace

CASE(a_hundred_thousand_threads_in_a_row_do_not_grow_the_process) {
  const auto run = [](std::uintptr_t first, std::uintptr_t count) {
    for (std::uintptr_t i = first; i < first + count; ++i)
      join(start(take_over_and_leave, reinterpret_cast<void*>(i)));
  };
  run(1, 2000);
  const std::size_t size = status_bytes("VmSize");
  const std::size_t resident = status_bytes("VmRSS");
  run(2001, 98000);
  EXPECT_AT_MOST(status_bytes("VmSize"), size + 1_MiB);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 2_MiB);
}

CASE(a_sleeping_owner_strands_nothing) {
  constexpr std::size_t k_blocks = 200000;
  static void* blocks[k_blocks];
  static pthread_barrier_t allocated, end;
  memset(blocks, 1, sizeof(blocks));
  pthread_barrier_init(&allocated, nullptr, 2);
  pthread_barrier_init(&end, nullptr, 2);
  const std::size_t before = status_bytes("VmRSS");
  const pthread_t owner = start(
      [](void*) -> void* {
        Random random(1);
        for (void*& p : blocks) {
          const std::size_t size = 16 + random.size(8000);
          p = malloc(size);
          memset(p, 1, size);
        }
        // One in ten is the owner's to free, so that slabs of all kinds are his.
        for (std::size_t i = 0; i < k_blocks; i += 10) {
          free(blocks[i]);
          blocks[i] = nullptr;
        }
        pthread_barrier_wait(&allocated);
        pthread_barrier_wait(&end);
        return nullptr;
      },
      nullptr);
  pthread_barrier_wait(&allocated);
  EXPECT_AT_LEAST(status_bytes("VmRSS"), before + 100_MiB);
  for (void* p : blocks) free(p);
  malloc_trim(0);
  // A slab of each class that the owner still allocates from, and the metadata, which is more where
  // regions are small.
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + (sizeof(void*) == 8 ? 6_MiB : 12_MiB));
  pthread_barrier_wait(&end);
  join(owner);
}

CASE(what_others_free_of_a_sleeping_owners_goes_back_by_itself) {
  constexpr std::size_t k_blocks = 100000;
  static void* blocks[k_blocks];
  static pthread_barrier_t allocated, end;
  memset(blocks, 1, sizeof(blocks));
  pthread_barrier_init(&allocated, nullptr, 2);
  pthread_barrier_init(&end, nullptr, 2);
  const std::size_t before = status_bytes("VmRSS");
  const pthread_t owner = start(
      [](void*) -> void* {
        for (void*& p : blocks) {
          p = malloc(1000);
          memset(p, 1, 1000);
        }
        pthread_barrier_wait(&allocated);
        pthread_barrier_wait(&end);
        return nullptr;
      },
      nullptr);
  pthread_barrier_wait(&allocated);
  EXPECT_AT_LEAST(status_bytes("VmRSS"), before + 90_MiB);
  for (void* p : blocks) free(p);
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + (sizeof(void*) == 8 ? 3_MiB : 6_MiB));
  pthread_barrier_wait(&end);
  join(owner);
}

CASE(after_a_large_teardown_the_words_of_its_slabs_are_gone_too) {
  constexpr std::size_t k_blocks = 2000000;
  static void* blocks[k_blocks];
  memset(blocks, 1, sizeof(blocks));
  const std::size_t before = status_bytes("VmRSS");
  for (void*& p : blocks) {
    p = malloc(80);
    memset(p, 1, 80);
  }
  EXPECT_AT_LEAST(status_bytes("VmRSS"), before + 150_MiB);
  for (void* p : blocks) free(p);
  // They alone were 3 MiB.
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + (sizeof(void*) == 8 ? 2_MiB : 6_MiB));
}

CASE(a_thread_that_has_used_all_sizes_and_sleeps_keeps_few_of_them) {
  constexpr std::size_t k_threads = 32, k_sizes = 36, k_of_each = 40;
  static pthread_barrier_t freed, end;
  pthread_barrier_init(&freed, nullptr, k_threads + 1);
  pthread_barrier_init(&end, nullptr, k_threads + 1);
  const std::size_t before = status_bytes("VmRSS");
  pthread_t threads[k_threads];
  for (pthread_t& thread : threads)
    thread = start(
        [](void*) -> void* {
          static thread_local void* blocks[k_sizes][k_of_each];
          for (std::size_t i = 0; i < k_sizes; ++i) {
            const std::size_t size = (i + 1) * 220;
            for (void*& p : blocks[i]) {
              p = malloc(size);
              memset(p, 1, size);
            }
          }
          for (const auto& size : blocks)
            for (void* p : size) free(p);
          pthread_barrier_wait(&freed);
          pthread_barrier_wait(&end);
          return nullptr;
        },
        nullptr);
  pthread_barrier_wait(&freed);
  // Of free pages the process may keep more: some threads used what others had freed.
  malloc_trim(0);
  // A slab of each size would be ten times as much.
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + 2_MiB + k_threads * 128_KiB);
  pthread_barrier_wait(&end);
  for (pthread_t thread : threads) join(thread);
}

CASE(several_sleeping_owners_strand_nothing_that_several_others_free) {
  constexpr std::size_t k_owners = 4, k_blocks = 20000;
  static void* blocks[k_owners][k_blocks];
  static pthread_barrier_t allocated, end;
  memset(blocks, 1, sizeof(blocks));
  pthread_barrier_init(&allocated, nullptr, k_owners + 1);
  pthread_barrier_init(&end, nullptr, k_owners + 1);
  const std::size_t before = status_bytes("VmRSS");
  pthread_t owners[k_owners];
  for (std::size_t i = 0; i < k_owners; ++i)
    owners[i] = start(
        [](void* mine) -> void* {
          Random random(2);
          for (std::size_t n = 0; n < k_blocks; ++n) {
            const std::size_t size = 16 + random.size(8000);
            void*& p = static_cast<void**>(mine)[n];
            p = malloc(size);
            memset(p, 1, size);
          }
          pthread_barrier_wait(&allocated);
          pthread_barrier_wait(&end);
          return nullptr;
        },
        blocks[i]);
  pthread_barrier_wait(&allocated);
  // Each frees a stripe through all of them, so that most slabs are emptied by several.
  pthread_t others[k_owners];
  for (std::uintptr_t i = 0; i < k_owners; ++i)
    others[i] = start(
        [](void* stripe) -> void* {
          for (auto& owned : blocks)
            for (auto n = reinterpret_cast<std::uintptr_t>(stripe); n < k_blocks; n += k_owners)
              free(owned[n]);
          return nullptr;
        },
        reinterpret_cast<void*>(i));
  for (pthread_t other : others) join(other);
  malloc_trim(0);
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + 4 * 3_MiB);
  pthread_barrier_wait(&end);
  for (pthread_t owner : owners) join(owner);
  malloc_trim(0);
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + 3_MiB);
}

CASE(an_idle_thread_with_24_sizes_costs_at_most_30_KiB) {
  constexpr std::size_t k_threads = 512, k_sizes = 24;
  static pthread_barrier_t held, end;
  const auto resident_with = [](void* (*body)(void*)) {
    pthread_barrier_init(&held, nullptr, k_threads + 1);
    pthread_barrier_init(&end, nullptr, k_threads + 1);
    static pthread_t threads[k_threads];
    for (pthread_t& thread : threads) thread = start(body, nullptr);
    pthread_barrier_wait(&held);
    const std::size_t resident = status_bytes("VmRSS");
    pthread_barrier_wait(&end);
    for (pthread_t thread : threads) join(thread);
    return resident;
  };
  const std::size_t empty = resident_with([](void*) -> void* {
    pthread_barrier_wait(&held);
    pthread_barrier_wait(&end);
    return nullptr;
  });
  const std::size_t used = resident_with([](void*) -> void* {
    void* blocks[k_sizes];
    for (std::size_t i = 0; i < k_sizes; ++i) {
      blocks[i] = malloc(40 * (i + 1));
      memset(blocks[i], 1, 40 * (i + 1));
    }
    pthread_barrier_wait(&held);
    pthread_barrier_wait(&end);
    for (void* p : blocks) free(p);
    return nullptr;
  });
  EXPECT_AT_MOST(used, empty + k_threads * 30_KiB);
}
