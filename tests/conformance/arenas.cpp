// Threads and arenas in the classic layout: a thread's first small block reserves a heap of 64 MiB
// of which 132 KiB are accessible, heaps are chained and given back, and there are at most
// 8 arenas for each processor, or as many as the program allows.

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_heap_size = sizeof(void*) == 8 ? 64_MiB : 1_MiB;

void run_in_thread(void* (*body)(void*), void* argument = nullptr) {
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, nullptr, body, argument), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

char* heap_of(const void* p) {
  return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(p) & ~(k_heap_size - 1));
}

// Arenas there are once this many threads have each allocated and still live.
int arenas_with_threads(int threads) {
  static sem_t allocated, leave;
  sem_init(&allocated, 0, 0);
  sem_init(&leave, 0, 0);
  static pthread_t ids[256];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128_KiB);
  for (int i = 0; i < threads; ++i) {
    const int error = pthread_create(
        &ids[i], &attributes,
        [](void*) -> void* {
          void* p = malloc(100);
          sem_post(&allocated);
          while (sem_wait(&leave) != 0) continue;
          free(p);
          return nullptr;
        },
        nullptr);
    EXPECT_EQ(error, 0);
    while (sem_wait(&allocated) != 0) continue;
  }
  const int arenas = count_arenas();
  for (int i = 0; i < threads; ++i) sem_post(&leave);
  for (int i = 0; i < threads; ++i) pthread_join(ids[i], nullptr);
  return arenas;
}

// The most arenas for this many processors. They are counted when there are more than eight, so
// nine may be the least.
int limit_for(long processors) {
  return processors < 2 ? 9 : static_cast<int>(8 * processors);
}

int processors_to_run_on() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  return CPU_COUNT(&set);
}

}  // namespace

CASE(the_first_block_of_a_thread_reserves_64_MiB_and_opens_132_KiB) {
  free(malloc(1));
  run_in_thread([](void*) -> void* {
    const std::size_t before = status_bytes("VmSize");
    void* p = malloc(1000);
    const char* heap = heap_of(p);
    EXPECT(static_cast<char*>(p) - heap < 8192);
    EXPECT_EQ(bytes_mapped_from(heap, "rw-p"), 132_KiB);
    EXPECT_AT_LEAST(bytes_mapped_from(heap + 132_KiB, "---p"), k_heap_size - 132_KiB);
    EXPECT_AT_LEAST(status_bytes("VmSize") - before, k_heap_size);
    EXPECT_AT_MOST(status_bytes("VmSize") - before, k_heap_size + 1_MiB);
    void* second = malloc(1000);
    EXPECT(heap_of(second) == heap);
    EXPECT_AT_MOST(status_bytes("VmSize") - before, k_heap_size + 1_MiB);
    return nullptr;
  });
}

CASE(a_thread_heap_opens_as_its_top_grows) {
  run_in_thread([](void*) -> void* {
    void* p = malloc(1000);
    const char* heap = heap_of(p);
    for (int i = 0; i < 100; ++i) EXPECT(malloc(100000) != nullptr);
    const std::size_t open = bytes_mapped_from(heap, "rw-p");
    EXPECT_AT_LEAST(open, 100 * 100000);
    EXPECT_AT_MOST(open, 100 * 100000 + 1_MiB);
    return nullptr;
  });
}

CASE(a_thread_heap_shrinks_when_its_top_is_freed) {
  run_in_thread([](void*) -> void* {
    static void* blocks[200];
    for (void*& p : blocks) memset(p = malloc(100000), 1, 100000);
    const std::size_t resident = status_bytes("VmRSS");
    for (void* p : blocks) free(p);
    EXPECT_AT_MOST(status_bytes("VmRSS"), resident - 18_MiB);
    return nullptr;
  });
}

CASE(several_heaps_of_a_thread_are_given_back_as_they_empty) {
  run_in_thread([](void*) -> void* {
    static void* blocks[2500];
    const char* first = heap_of(malloc(1000));
    const std::size_t before = status_bytes("VmSize");
    bool other_heap = false;
    for (void*& p : blocks) {
      p = malloc(100000);
      EXPECT(p != nullptr);
      other_heap |= heap_of(p) != first;
    }
    EXPECT(other_heap);
    EXPECT_AT_LEAST(status_bytes("VmSize") - before, 3 * k_heap_size);
    for (void* p : blocks) free(p);
    EXPECT_AT_MOST(status_bytes("VmSize"), before + k_heap_size + 1_MiB);
    for (void*& p : blocks) EXPECT((p = malloc(100000)) != nullptr);
    for (int i = 2499; i >= 0; --i) free(blocks[i]);
    EXPECT_AT_MOST(status_bytes("VmSize"), before + k_heap_size + 1_MiB);
    return nullptr;
  });
}

CASE(a_thread_is_served_more_than_a_heap_can_hold) {
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
  run_in_thread([](void*) -> void* {
    for (const std::size_t size : {k_heap_size - 4096, k_heap_size, 2 * k_heap_size}) {
      auto* p = static_cast<char*>(malloc(size));
      EXPECT(p != nullptr);
      p[0] = p[size - 1] = 1;
      free(p);
    }
    return nullptr;
  });
}

CASE(each_thread_has_an_arena_of_its_own_below_the_limit) {
  EXPECT_EQ(arenas_with_threads(5), 6);
}

CASE(arenas_end_at_eight_for_each_processor) {
  if (sizeof(void*) != 8) cannot_try("two for each processor on 32-bit");
  const int of_the_machine = limit_for(sysconf(_SC_NPROCESSORS_ONLN));
  if (of_the_machine > 200) cannot_try("too many processors to start a thread for each arena");
  const int arenas = arenas_with_threads(of_the_machine + 20);
  // Whether those count that this process may not run on is left open.
  if (arenas != limit_for(processors_to_run_on())) EXPECT_EQ(arenas, of_the_machine);
}

CASE(arenas_of_ended_threads_are_used_again) {
  for (int i = 0; i < 100; ++i)
    run_in_thread([](void*) -> void* {
      free(malloc(100));
      return nullptr;
    });
  EXPECT_EQ(count_arenas(), 2);
}

CASE(a_new_thread_finds_the_free_chunks_of_an_ended_one) {
  static void* block;
  run_in_thread([](void*) -> void* {
    block = malloc(1000);
    malloc(16);
    free(keep(block));
    return nullptr;
  });
  run_in_thread([](void*) -> void* {
    EXPECT(malloc(1000) == block);
    return nullptr;
  });
}

CASE(a_block_freed_elsewhere_returns_to_its_own_arena) {
  static void* block;
  void* ours = malloc(1000);
  static sem_t freed, made;
  sem_init(&freed, 0, 0);
  sem_init(&made, 0, 0);
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  block = malloc(1000);
                  malloc(16);
                  sem_post(&made);
                  while (sem_wait(&freed) != 0) continue;
                  EXPECT(malloc(1000) == block);
                  return nullptr;
                },
                nullptr),
            0);
  while (sem_wait(&made) != 0) continue;
  EXPECT(heap_of(ours) != heap_of(block));
  free(block);
  void* again = malloc(1000);
  EXPECT(again != block);
  sem_post(&freed);
  pthread_join(thread, nullptr);
}

CASE(the_limit_may_be_set_by_mallopt) {
  EXPECT_EQ(mallopt(M_ARENA_MAX, 3), 1);
  EXPECT_EQ(arenas_with_threads(12), 3);
}

CASE(a_limit_of_one_leaves_the_main_arena_only) {
  EXPECT_EQ(mallopt(M_ARENA_MAX, 1), 1);
  EXPECT_EQ(arenas_with_threads(12), 1);
}

CASE(processors_are_counted_once_the_test_number_is_passed) {
  EXPECT_EQ(mallopt(M_ARENA_TEST, 30), 1);
  if (limit_for(sysconf(_SC_NPROCESSORS_ONLN)) > 30)
    cannot_try("30 threads do not pass 8 arenas for each processor here");
  EXPECT_EQ(arenas_with_threads(45), 31);
}
