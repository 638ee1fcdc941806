// After its first request a program needs brk, mmap, munmap, mprotect, mremap, madvise and futex
// for all that the library does, and nothing else.

#include <pthread.h>

#include <atomic>

#include "sandbox.hpp"

using namespace sandbox;

namespace {

// Each block may be freed by another thread than the one that took it.
constexpr std::size_t k_shared = 4000;
std::atomic<void*> g_shared[k_shared];

void exchange(std::uint64_t seed, int operations) {
  Random random(seed);
  for (int i = 0; i < operations; ++i) {
    std::size_t size = random.size(3000) + 1;
    if (i % 16 == 0) size = random.size(60'000) + 1;
    if (i % 500 == 0) size = random.size(3'000'000) + 1;
    void* p = nullptr;
    switch (random.below(4)) {
      case 0:
        p = calloc(1, size);
        break;
      case 1:
        p = aligned_alloc(64, size);
        break;
      default:
        p = malloc(size);
    }
    EXPECT(p != nullptr);
    static_cast<char*>(p)[size - 1] = 1;
    if (i % 3 == 0) {
      p = realloc(p, random.size(20'000) + 1);
      EXPECT(p != nullptr);
    }
    free(g_shared[random.below(k_shared)].exchange(p));
    if (i % 20'000 == 0) malloc_trim(0);
  }
}

void empty_shared() {
  for (std::atomic<void*>& slot : g_shared) free(slot.exchange(nullptr));
}

}  // namespace

// The control: what is forbidden is found, and named.
CASE(a_call_that_is_not_allowed_is_named) {
  EXPECT(strcmp(name_of(SYS_mincore), "mincore") == 0);
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    dup2(ends[1], 2);
    enter();
    syscall(SYS_getppid);
    _exit(0);
  }
  char said[100] = {};
  EXPECT(read(ends[0], said, sizeof(said) - 1) > 0);
  EXPECT(strstr(said, "getppid") != nullptr);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), k_forbidden_status);
}

CASE(small_blocks) {
  enter();
  come_and_go(16, 400'000, 1000);
  come_and_go(100, 500'000, 1000);
  come_and_go(700, 100'000, 7);
  come_and_go(5000, 10'000, 3);
}

CASE(chunks) {
  enter();
  come_and_go(20'000, 5000, 2);
  come_and_go(100'000, 500, 3);
}

CASE(mapped_blocks) {
  enter();
  come_and_go(150'000, 600, 2);
  come_and_go(1'000'000, 60, 3);
  come_and_go(9'000'000, 6, 2);
}

CASE(blocks_that_grow_and_shrink) {
  enter();
  for (const std::size_t limit : {5'000UL, 100'000UL, 40'000'000UL}) {
    char* p = nullptr;
    for (std::size_t size = 20; size < limit; size += size / 3) {
      p = static_cast<char*>(realloc(p, size));
      EXPECT(p != nullptr);
      p[size - 1] = 1;
      keep(take(100));
    }
    for (std::size_t size = limit; size > 20; size -= size / 3) {
      p = static_cast<char*>(realloc(p, size));
      EXPECT(p != nullptr);
    }
    free(p);
  }
}

CASE(blocks_that_are_zeroed_or_aligned) {
  enter();
  for (std::size_t size = 10; size < 10'000'000; size += size) {
    for (int i = 0; i < 20; ++i) {
      void* zeroed = calloc(1, size);
      void* aligned = nullptr;
      EXPECT_EQ(posix_memalign(&aligned, 4096, size), 0);
      EXPECT(zeroed != nullptr);
      free(zeroed);
      free(aligned);
    }
  }
}

CASE(figures_and_settings) {
  enter();
  void* small = take(100);
  void* large = take(1'000'000);
  EXPECT_AT_LEAST(malloc_usable_size(small) + malloc_usable_size(large), 1'000'100);
  EXPECT(mallinfo2().uordblks > 0);
  char* text = nullptr;
  std::size_t size = 0;
  FILE* file = open_memstream(&text, &size);
  EXPECT(file != nullptr);
  EXPECT_EQ(malloc_info(0, file), 0);
  fclose(file);
  free(text);
  EXPECT_EQ(mallopt(M_PERTURB, 7), 1);
  EXPECT_EQ(mallopt(M_ARENA_MAX, 3), 1);
  EXPECT_EQ(mallopt(M_MMAP_THRESHOLD, 100'000), 1);
  come_and_go(300, 10'000, 5);
  come_and_go(120'000, 20, 3);
  free(small);
  free(large);
}

CASE(threads_that_were_there_before) {
  static pthread_barrier_t begun;
  static pthread_barrier_t entered;
  pthread_barrier_init(&begun, nullptr, 5);
  pthread_barrier_init(&entered, nullptr, 5);
  static std::atomic<int> done{0};
  for (std::uint64_t i = 0; i < 4; ++i) {
    start(
        [](void* seed) -> void* {
          pthread_barrier_wait(&begun);
          pthread_barrier_wait(&entered);
          exchange(reinterpret_cast<std::uintptr_t>(seed), 150'000);
          done.fetch_add(1);
          // A thread's end is libc's own calls: this one does not end.
          static pthread_barrier_t for_ever;
          pthread_barrier_init(&for_ever, nullptr, 2);
          pthread_barrier_wait(&for_ever);
          return nullptr;
        },
        reinterpret_cast<void*>(i + 1));
  }
  pthread_barrier_wait(&begun);
  enter();
  pthread_barrier_wait(&entered);
  exchange(77, 150'000);
  while (done.load() != 4) {
  }
  empty_shared();
  malloc_trim(0);
}

CASE(threads_that_come_and_go) {
  enter_with_threads();
  for (int round = 0; round < 20; ++round) {
    pthread_t threads[8];
    for (std::uint64_t i = 0; i < 8; ++i) {
      threads[i] = start(
          [](void* seed) -> void* {
            exchange(reinterpret_cast<std::uintptr_t>(seed), 3000);
            return nullptr;
          },
          reinterpret_cast<void*>(i + 1));
    }
    for (pthread_t thread : threads) join(thread);
  }
  empty_shared();
}

// More than there are arenas for.
CASE(many_threads_at_once) {
  enter_with_threads();
  static pthread_barrier_t all_are_there;
  pthread_barrier_init(&all_are_there, nullptr, 100);
  pthread_t threads[100];
  for (pthread_t& thread : threads) {
    thread = start(
        [](void*) -> void* {
          void* p = take(20'000);
          pthread_barrier_wait(&all_are_there);
          free(p);
          return nullptr;
        },
        nullptr);
  }
  for (pthread_t thread : threads) join(thread);
}
