// What must hold when the kernel gives no more: every entry point answers null with ENOMEM, nothing
// already handed out is harmed, and as soon as something is free the next request works.
//
// The same scenarios run under two limits (address_space.cpp, data.cpp). RLIMIT_AS refuses mmap and
// brk, also of memory without access. RLIMIT_DATA counts what is private and writable, so it
// refuses brk, mmap and the mprotect that opens reserved memory; strict overcommit
// (vm.overcommit_memory=2), a setting of the whole machine that no test changes, refuses the same.

#pragma once

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "expect.hpp"
#include "process.hpp"

namespace exhaustion {

using namespace behaviour;

using Limit = void (*)(std::size_t bytes_left);

// Takes blocks of one size until there is no more, each filled; returns how many.
inline std::size_t take_all(void** blocks, std::size_t capacity, std::size_t size) {
  std::size_t count = 0;
  for (; count < capacity; ++count) {
    errno = 0;
    blocks[count] = malloc(size);
    if (blocks[count] == nullptr) {
      EXPECT_EQ(errno, ENOMEM);
      break;
    }
    fill(blocks[count], size, count);
  }
  EXPECT(count < capacity);
  return count;
}

inline void give_all(void** blocks, std::size_t count, std::size_t size) {
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT(intact(blocks[i], size, i));
    free(blocks[i]);
  }
}

inline void blocks_until_the_limit(Limit limit, std::size_t size) {
  constexpr std::size_t k_capacity = 1000000;  // a region of slabs may be there already
  static void* blocks[k_capacity];
  limit(24_MiB);
  std::size_t first = 0;
  for (int round = 0; round < 3; ++round) {
    const std::size_t count = take_all(blocks, k_capacity, size);
    EXPECT_AT_LEAST(count * size, 12_MiB);
    if (round == 0) first = count;
    EXPECT_AT_LEAST(count * 10, first * 9);  // nothing was lost on the way
    free(blocks[count / 2]);
    blocks[count / 2] = malloc(size);
    EXPECT(blocks[count / 2] != nullptr);
    fill(blocks[count / 2], size, count / 2);
    give_all(blocks, count, size);
  }
  lift_limits();
  void* p = malloc(64_MiB);
  EXPECT(p != nullptr);
  free(p);
}

inline void every_entry_point_refuses(Limit limit) {
  void* small = malloc(1000);
  void* large = malloc(2_MiB);
  fill(small, 1000, 1);
  fill(large, 2_MiB, 2);
  limit(16_MiB);
  for (const std::size_t size : {48_MiB, 300_MiB, 5000_MiB}) {
    EXPECT_REFUSED(malloc(size), ENOMEM);
    EXPECT_REFUSED(calloc(1, size), ENOMEM);
    EXPECT_REFUSED(realloc(small, size), ENOMEM);
    EXPECT_REFUSED(realloc(large, size), ENOMEM);
    EXPECT_REFUSED(reallocarray(small, size / 1000, 1000), ENOMEM);
    EXPECT_REFUSED(memalign(4096, size), ENOMEM);
    EXPECT_REFUSED(aligned_alloc(64, size), ENOMEM);
    EXPECT_REFUSED(valloc(size), ENOMEM);
    EXPECT_REFUSED(pvalloc(size), ENOMEM);
    void* p = &p;
    EXPECT_EQ(posix_memalign(&p, 4096, size), ENOMEM);
    EXPECT(p == &p);
    EXPECT(operator new(size, std::nothrow) == nullptr);
    EXPECT(operator new (size, std::align_val_t{4096}, std::nothrow) == nullptr);
    EXPECT(intact(small, 1000, 1) && intact(large, 2_MiB, 2));
    void* next = malloc(1_MiB);
    EXPECT(next != nullptr);
    free(next);
  }
  free(small);
  free(large);
}

// What was freed can be had again, in blocks of whatever size: nothing is kept for other sizes.
inline void freed_mappings_make_room(Limit limit, std::size_t size) {
  void* large[10];
  for (void*& p : large) {
    p = malloc(10_MiB);
    EXPECT(p != nullptr);
    memset(p, 1, 10_MiB);
  }
  limit(4_MiB);
  for (int i = 0; i < 10; i += 2) free(large[i]);  // every other: no two lie side by side
  constexpr std::size_t k_capacity = 60000;
  static void* blocks[k_capacity];
  const std::size_t count = 40_MiB / size;
  EXPECT(count <= k_capacity);
  for (std::size_t i = 0; i < count; ++i) {
    blocks[i] = malloc(size);
    EXPECT(blocks[i] != nullptr);
    fill(blocks[i], size, i);
  }
  give_all(blocks, count, size);
  for (int i = 1; i < 10; i += 2) free(large[i]);
}

// The same, where the heap has to grow by as much at once.
inline void freed_mappings_make_room_for_the_heap(Limit limit) {
  void* large[4];
  for (void*& p : large) {
    p = malloc(10_MiB);
    EXPECT(p != nullptr);
    memset(p, 1, 10_MiB);
  }
  limit(4_MiB);
  for (void* p : large) free(p);
  EXPECT_EQ(mallopt(M_MMAP_MAX, 0), 1);
  void* p = malloc(30_MiB);
  EXPECT(p != nullptr);
  fill(p, 30_MiB, 1);
  EXPECT(intact(p, 30_MiB, 1));
  free(p);
}

// A thread whose own heap cannot be reserved or opened is served from somewhere else.
inline void a_thread_is_served(Limit limit) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256_KiB);
  limit(24_MiB);
  for (int i = 0; i < 20; ++i) {
    pthread_t thread;
    EXPECT_EQ(pthread_create(
                  &thread, &attributes,
                  [](void*) -> void* {
                    void* blocks[1000];
                    for (std::size_t j = 0; j < 1000; ++j) {
                      blocks[j] = malloc(2000);
                      EXPECT(blocks[j] != nullptr);
                      fill(blocks[j], 2000, j);
                    }
                    give_all(blocks, 1000, 2000);
                    return nullptr;
                  },
                  nullptr),
              0);
    pthread_join(thread, nullptr);
  }
}

inline void threads_until_the_limit(Limit limit) {
  static pthread_barrier_t start, together;
  pthread_barrier_init(&start, nullptr, 5);
  pthread_barrier_init(&together, nullptr, 4);
  static std::atomic<std::size_t> refused{0};
  pthread_t threads[4];
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    constexpr std::size_t k_slots = 12000;
                    auto** blocks = static_cast<void**>(mmap(nullptr, k_slots * sizeof(void*),
                                                             PROT_READ | PROT_WRITE,
                                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
                    EXPECT(blocks != MAP_FAILED);
                    pthread_barrier_wait(&start);
                    for (int round = 0; round < 2; ++round) {
                      for (std::size_t i = 0; i < k_slots; ++i) {
                        const std::size_t size = 2000 + i % 3000 + (i % 400 == 0 ? 200000 : 0);
                        errno = 0;
                        blocks[i] = malloc(size);
                        if (blocks[i] != nullptr) {
                          fill(blocks[i], size, i);
                        } else {
                          EXPECT_EQ(errno, ENOMEM);
                          ++refused;
                        }
                      }
                      pthread_barrier_wait(&together);
                      for (std::size_t i = 0; i < k_slots; ++i) {
                        const std::size_t size = 2000 + i % 3000 + (i % 400 == 0 ? 200000 : 0);
                        EXPECT(blocks[i] == nullptr || intact(blocks[i], size, i));
                        free(blocks[i]);
                      }
                    }
                    return nullptr;
                  },
                  nullptr),
              0);
  limit(24_MiB);
  pthread_barrier_wait(&start);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  EXPECT(refused > 0);
  void* p = malloc(1_MiB);
  EXPECT(p != nullptr);
  free(p);
}

inline void failed_growth_in_a_loop_loses_nothing(Limit limit) {
  void* small = malloc(5000);
  void* large = malloc(4_MiB);
  fill(small, 5000, 1);
  fill(large, 4_MiB, 2);
  limit(16_MiB);
  for (int i = 0; i < 5000; ++i) {
    EXPECT_REFUSED(realloc(small, 64_MiB), ENOMEM);
    EXPECT_REFUSED(realloc(large, 64_MiB), ENOMEM);
    EXPECT_REFUSED(memalign(1_MiB, 64_MiB), ENOMEM);
  }
  void* p = malloc(10_MiB);  // still there
  EXPECT(p != nullptr);
  free(p);
  large = realloc(large, 3_MiB);
  EXPECT(large != nullptr && intact(large, 3_MiB, 2) && intact(small, 5000, 1));
  free(large);
  free(small);
}

inline void a_child_meets_the_limit_alone(Limit limit) {
  static Limit limit_of_child;
  limit_of_child = limit;
  void* p = malloc(3000);
  fill(p, 3000, 1);
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      static void* blocks[60000];
      limit_of_child(8_MiB);
      give_all(blocks, take_all(blocks, 60000, 3000), 3000);
      EXPECT(intact(p, 3000, 1));
      free(p);
      _exit(0);
    }
    EXPECT_GOOD_END(child);
  }
  EXPECT(intact(p, 3000, 1));
  EXPECT(malloc(32_MiB) != nullptr);
}

}  // namespace exhaustion
