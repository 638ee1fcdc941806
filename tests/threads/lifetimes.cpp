// Threads that come and go: their arenas are used again, the process does not grow, and blocks live
// on after the thread that allocated them.

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_stack_size = 128_KiB;

pthread_t start(void* (*body)(void*), void* argument, bool detached = false) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, k_stack_size);
  if (detached) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, &attributes, body, argument), 0);
  pthread_attr_destroy(&attributes);
  return thread;
}

void* allocate_a_little(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  void* blocks[16];
  for (void*& p : blocks) {
    const std::size_t size = random.size(4000) + 1;
    p = malloc(size);
    EXPECT(p != nullptr);
    fill(p, size, 1);
  }
  for (void* p : blocks) free(p);
  return nullptr;
}

// Runs as many threads one after another; each is joined before the next starts.
void run_in_a_row(int threads, void* (*body)(void*)) {
  for (int i = 0; i < threads; ++i)
    pthread_join(start(body, reinterpret_cast<void*>(i + 1L)), nullptr);
}

void run_at_once(int threads, void* (*body)(void*)) {
  pthread_t ids[256];
  for (int i = 0; i < threads; ++i) ids[i] = start(body, reinterpret_cast<void*>(i + 1L));
  for (int i = 0; i < threads; ++i) pthread_join(ids[i], nullptr);
}

}  // namespace

CASE(ten_thousand_threads_in_a_row_do_not_grow_the_process) {
  // Small blocks have their region.
  for (int i = 0; i < 100; ++i) free(keep(malloc(100)));
  run_in_a_row(100, allocate_a_little);
  const std::size_t size = status_bytes("VmSize");
  const std::size_t resident = status_bytes("VmRSS");
  run_in_a_row(10000, allocate_a_little);
  EXPECT_AT_MOST(status_bytes("VmSize"), size + 1_MiB);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 2_MiB);
}

CASE(detached_threads_do_not_grow_the_process) {
  static sem_t done;
  sem_init(&done, 0, 0);
  const auto run = [](int threads) {
    for (int i = 0; i < threads; ++i) {
      start(
          [](void* seed) -> void* {
            allocate_a_little(seed);
            sem_post(&done);
            return nullptr;
          },
          reinterpret_cast<void*>(i + 1L), true);
      while (sem_wait(&done) != 0) continue;
    }
  };
  run(500);
  const std::size_t size = status_bytes("VmSize");
  const int arenas = count_arenas();
  run(2000);
  // A few may still have been on their way out when the next one started.
  EXPECT_AT_MOST(count_arenas(), arenas + 2);
  EXPECT_AT_MOST(status_bytes("VmSize"), size + 2 * 64_MiB + 2_MiB);
}

CASE(sixty_four_threads_at_once_stay_within_the_arenas_allowed) {
  run_at_once(64, allocate_a_little);
  const std::size_t size = status_bytes("VmSize");
  const int arenas = count_arenas();
  for (int round = 0; round < 20; ++round) run_at_once(64, allocate_a_little);
  EXPECT_AT_MOST(count_arenas(), arenas + 16);
  EXPECT_AT_MOST(status_bytes("VmSize"), size + 16 * 64_MiB + 64 * k_stack_size);
}

CASE(address_space_is_bounded_by_the_arenas_allowed) {
  rerun_with({"MALLOC_ARENA_MAX=2"});
  const std::size_t before = status_bytes("VmSize");
  static pthread_barrier_t allocated;
  pthread_barrier_init(&allocated, nullptr, 64);
  run_at_once(64, [](void*) -> void* {
    void* p = malloc(1000);
    pthread_barrier_wait(&allocated);
    free(p);
    return nullptr;
  });
  // One heap of 64 MiB, which may have been mapped at twice that to be aligned; the stacks; and
  // where slabs serve, one region of as much for those of all threads.
  const std::size_t reserved = mode_is_classic() ? 64_MiB : 2 * 64_MiB;
  EXPECT_AT_MOST(status_bytes("VmSize"), before + reserved + 64 * (k_stack_size + 8192) + 8_MiB);
  EXPECT_AT_MOST(count_arenas(), 2);
}

CASE(blocks_outlive_the_thread_that_allocated_them) {
  constexpr std::size_t k_threads = 32, k_blocks = 200;
  static void* blocks[k_threads][k_blocks];
  for (int round = 0; round < 3; ++round) {
    run_at_once(k_threads, [](void* number) -> void* {
      const auto t = reinterpret_cast<std::uintptr_t>(number) - 1;
      for (std::size_t i = 0; i < k_blocks; ++i)
        fill(blocks[t][i] = malloc(i * 13 + 1), i * 13 + 1, t * 1000 + i);
      return nullptr;
    });
    for (std::size_t t = 0; t < k_threads; ++t)
      for (std::size_t i = 0; i < k_blocks; ++i) {
        EXPECT(intact(blocks[t][i], i * 13 + 1, t * 1000 + i));
        if (i % 3 == 0) {
          blocks[t][i] = realloc(blocks[t][i], 5000);
          EXPECT(intact(blocks[t][i], (i * 13 + 1) & ~std::size_t{7}, t * 1000 + i));
        }
        free(blocks[t][i]);
      }
  }
}

CASE(memory_left_by_ended_threads_serves_new_ones) {
  // Each leaves 1 MB free in its arena; in turn they need no more than a few of them.
  const auto body = [](void*) -> void* {
    void* blocks[100];
    for (void*& p : blocks) fill(p = malloc(10000), 10000, 2);
    for (void* p : blocks) free(p);
    return nullptr;
  };
  run_in_a_row(50, body);
  const std::size_t resident = status_bytes("VmRSS");
  run_in_a_row(500, body);
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 4_MiB);
}

CASE(destructors_of_thread_data_free_what_others_allocated) {
  static pthread_key_t key;
  EXPECT_EQ(pthread_key_create(&key,
                               [](void* p) {
                                 EXPECT(intact(p, 3000, 3));
                                 free(p);
                                 free(malloc(200));
                               }),
            0);
  run_in_a_row(50, [](void*) -> void* { return nullptr; });
  const std::size_t resident = status_bytes("VmRSS");
  for (int i = 0; i < 2000; ++i) {
    void* p = malloc(3000);
    fill(p, 3000, 3);
    pthread_join(start(
                     [](void* block) -> void* {
                       pthread_setspecific(key, block);
                       return nullptr;
                     },
                     p),
                 nullptr);
  }
  EXPECT_AT_MOST(status_bytes("VmRSS"), resident + 2_MiB);
}

CASE(a_thread_may_end_by_pthread_exit_in_the_middle_of_its_work) {
  static void* left[500];
  run_in_a_row(500, [](void* number) -> void* {
    const auto i = reinterpret_cast<std::uintptr_t>(number) - 1;
    fill(left[i] = malloc(1000), 1000, i);
    free(malloc(50));
    pthread_exit(nullptr);
  });
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT(intact(left[i], 1000, i));
    free(left[i]);
  }
}
