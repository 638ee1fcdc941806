// mallinfo2, mallinfo, malloc_stats and malloc_trim: figures that are true, for all arenas
// together, and calls that may come from any thread at any time.

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

std::size_t live_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// What `call` writes to the file descriptor, as text.
char* written_by(void (*call)(), int fd) {
  static char text[65536];
  char path[] = "/tmp/behaviour-XXXXXX";
  const int file = mkstemp(path);
  EXPECT(file >= 0);
  unlink(path);
  fflush(nullptr);
  const int saved = dup(fd);
  dup2(file, fd);
  call();
  fflush(nullptr);
  dup2(saved, fd);
  const ssize_t length = pread(file, text, sizeof(text) - 1, 0);
  EXPECT(length >= 0);
  text[length] = '\0';
  close(file);
  close(saved);
  return text;
}

std::size_t figure_after(const char* text, const char* label) {
  const char* found = strstr(text, label);
  if (found == nullptr) fail(__FILE__, __LINE__, "no '%s' in: %s", label, text);
  found = strchr(found, '=');
  EXPECT(found != nullptr);
  return strtoull(found + 1, nullptr, 10);
}

// Threads that allocate and free until told to stop.
std::atomic<bool> stop{false};

void* churn(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  constexpr int k_slots = 200;
  void* blocks[k_slots] = {};
  while (!stop.load(std::memory_order_relaxed)) {
    void*& p = blocks[random.below(k_slots)];
    free(p);
    p = malloc(random.size(random.below(500) == 0 ? 400_KiB : 3000));
    EXPECT(p != nullptr);
  }
  for (void* p : blocks) free(p);
  return nullptr;
}

}  // namespace

CASE(mallinfo2_counts_what_is_live) {
  constexpr std::size_t k_blocks = 1000;
  static void* blocks[k_blocks];
  const std::size_t before = live_bytes();
  std::size_t asked = 0;
  for (std::size_t i = 0; i < k_blocks; ++i) {
    const std::size_t size = i % 100 == 0 ? 300_KiB : 10 + i;
    blocks[i] = malloc(size);
    asked += size;
  }
  EXPECT_AT_LEAST(live_bytes() - before, asked);
  EXPECT_AT_MOST(live_bytes() - before, asked + k_blocks * 32 + 10 * 8192);
  for (void* p : blocks) free(p);
  EXPECT_AT_MOST(live_bytes(), before + 4096);
}

CASE(mallinfo2_is_consistent_in_itself) {
  static void* blocks[2000];
  for (void*& p : blocks) p = malloc(reinterpret_cast<std::uintptr_t>(&p) % 3000);
  for (int i = 0; i < 2000; i += 2) free(blocks[i]);
  const auto info = mallinfo2();
  EXPECT_EQ(info.arena, info.uordblks + info.fordblks);
  EXPECT_AT_MOST(info.fsmblks, info.fordblks);
  EXPECT_AT_MOST(info.keepcost, info.fordblks);
  EXPECT_AT_LEAST(info.fordblks, 1000 * 16);
  EXPECT_AT_LEAST(info.ordblks + info.smblks, 2);
}

CASE(mallinfo2_sums_the_arenas_of_all_threads) {
  const std::size_t before = live_bytes();
  static pthread_barrier_t allocated, leave;
  pthread_barrier_init(&allocated, nullptr, 5);
  pthread_barrier_init(&leave, nullptr, 5);
  pthread_t threads[4];
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    void* blocks[100];
                    for (void*& p : blocks) p = malloc(10000);
                    pthread_barrier_wait(&allocated);
                    pthread_barrier_wait(&leave);
                    for (void* p : blocks) free(p);
                    return nullptr;
                  },
                  nullptr),
              0);
  pthread_barrier_wait(&allocated);
  EXPECT_AT_LEAST(live_bytes() - before, 4 * 100 * 10000);
  EXPECT_AT_MOST(live_bytes() - before, 4 * 100 * 10240 + 100000);
  pthread_barrier_wait(&leave);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  EXPECT_AT_MOST(live_bytes(), before + 20000);
}

CASE(mallinfo2_sees_each_block_come_and_go) {
  constexpr std::size_t k_blocks = 300;
  static void* blocks[k_blocks];
  // The first is a class of the slabs, the others are runs of 1 KiB units: only the chunk engine
  // adds its header.
  for (const std::size_t size : {std::size_t{512}, std::size_t{10000}, std::size_t{40000}}) {
    const std::size_t step = promised_alignment();
    const std::size_t chunk = (size + sizeof(std::size_t) + step - 1) / step * step;
    const std::size_t run = (size + 1023) / 1024 * 1024;
    const std::size_t cost = mode_is_classic() ? chunk : size == 512 ? size : run;
    for (void*& p : blocks) p = keep(malloc(size));
    for (void* p : blocks) free(p);
    for (void*& p : blocks) {
      const std::size_t live = mallinfo2().uordblks;
      p = keep(malloc(size));
      EXPECT_EQ(mallinfo2().uordblks, live + cost);
    }
    for (void* p : blocks) {
      const std::size_t live = mallinfo2().uordblks;
      free(p);
      EXPECT_EQ(mallinfo2().uordblks, live - cost);
    }
  }
}

CASE(mallinfo2_counts_what_other_threads_freed_as_free) {
  constexpr std::size_t k_blocks = 5000;
  static void* blocks[k_blocks];
  const auto free_every_other = [](void* first) -> void* {
    for (auto i = reinterpret_cast<std::size_t>(first); i < k_blocks; i += 2) free(blocks[i]);
    return nullptr;
  };
  pthread_t thread;  // the first leaves its stack's bookkeeping behind
  EXPECT_EQ(pthread_create(
                &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr),
            0);
  pthread_join(thread, nullptr);
  const std::size_t before = live_bytes();
  for (void*& p : blocks) p = keep(malloc(400));
  const std::size_t all = live_bytes() - before;
  EXPECT_AT_LEAST(all, k_blocks * 400);
  EXPECT_EQ(pthread_create(&thread, nullptr, free_every_other, reinterpret_cast<void*>(1)), 0);
  pthread_join(thread, nullptr);
  EXPECT_AT_MOST(live_bytes() - before, all / 2 + 4096);
  EXPECT_AT_LEAST(live_bytes() - before + 4096, all / 2);
  free_every_other(nullptr);
  EXPECT_AT_MOST(live_bytes(), before + 4096);
}

CASE(mallinfo2_sees_what_malloc_trim_gives_back) {
  static void* blocks[2000];
  for (void*& p : blocks) memset(p = malloc(3000), 1, 3000);
  const std::size_t full = mallinfo2().arena;
  EXPECT_AT_LEAST(full, 2000 * 3000);
  for (void* p : blocks) free(p);
  malloc_trim(0);
  EXPECT_AT_MOST(mallinfo2().arena, full / 2);
}

CASE(mallinfo_shows_the_same_figures) {
  static void* blocks[500];
  for (void*& p : blocks) p = malloc(700);
  free(blocks[100]);
  void* mapped = malloc(2_MiB);
  const struct mallinfo old = mallinfo();
  const struct mallinfo2 info = mallinfo2();
  EXPECT_EQ(old.arena, info.arena);
  EXPECT_EQ(old.ordblks, info.ordblks);
  EXPECT_EQ(old.smblks, info.smblks);
  EXPECT_EQ(old.hblks, info.hblks);
  EXPECT_EQ(old.hblkhd, info.hblkhd);
  EXPECT_EQ(old.fsmblks, info.fsmblks);
  EXPECT_EQ(old.uordblks, info.uordblks);
  EXPECT_EQ(old.fordblks, info.fordblks);
  EXPECT_EQ(old.keepcost, info.keepcost);
  free(mapped);
}

CASE(malloc_stats_goes_to_stderr_only) {
  const char* text = written_by(malloc_stats, STDERR_FILENO);
  EXPECT(strstr(text, "Arena 0:") != nullptr);
  EXPECT(strstr(text, "system bytes") != nullptr);
  EXPECT(strstr(text, "in use bytes") != nullptr);
  EXPECT(strstr(text, "Total (incl. mmap):") != nullptr);
  EXPECT(strstr(text, "max mmap regions") != nullptr);
  EXPECT(strstr(text, "max mmap bytes") != nullptr);
  const int null = open("/dev/null", O_WRONLY);
  const int saved = dup(STDERR_FILENO);
  dup2(null, STDERR_FILENO);
  EXPECT_EQ(strlen(written_by(malloc_stats, STDOUT_FILENO)), 0);
  dup2(saved, STDERR_FILENO);
}

CASE(malloc_stats_agrees_with_mallinfo2) {
  for (int i = 0; i < 1000; ++i) keep(malloc(500));
  keep(malloc(6_MiB));
  const auto info = mallinfo2();
  const char* text = written_by(malloc_stats, STDERR_FILENO);
  const char* total = strstr(text, "Total (incl. mmap):");
  EXPECT(total != nullptr);
  EXPECT_AT_MOST(figure_after(total, "in use bytes"), info.uordblks + info.hblkhd + 8192);
  EXPECT_AT_LEAST(figure_after(total, "in use bytes") + 8192, info.uordblks + info.hblkhd);
  EXPECT_AT_MOST(figure_after(total, "system bytes"), info.arena + info.hblkhd + 256_KiB);
  EXPECT_AT_LEAST(figure_after(total, "system bytes") + 256_KiB, info.arena + info.hblkhd);
  EXPECT_AT_LEAST(figure_after(total, "max mmap bytes"), 6_MiB);
}

CASE(malloc_stats_tells_of_the_slabs) {
  const auto before = mallinfo2();
  for (int i = 0; i < 1000; ++i) keep(malloc(500));
  const char* text = written_by(malloc_stats, STDERR_FILENO);
  const char* slabs = strstr(text, "Slabs:");
  EXPECT_EQ(slabs == nullptr, mode_is_classic());
  if (slabs == nullptr) return;
  EXPECT_AT_LEAST(figure_after(slabs, "in use bytes"), 900 * 500);
  EXPECT_AT_MOST(figure_after(slabs, "in use bytes"), mallinfo2().uordblks);
  EXPECT_AT_LEAST(figure_after(slabs, "system bytes"), figure_after(slabs, "in use bytes"));
  EXPECT_AT_MOST(figure_after(slabs, "system bytes"), mallinfo2().arena - before.arena + 64_KiB);
}

CASE(malloc_info_refuses_options) {
  FILE* out = tmpfile();
  EXPECT(out != nullptr);
  EXPECT_EQ(malloc_info(1, out), EINVAL);
  EXPECT_EQ(ftell(out), 0);
  fclose(out);
}

CASE(malloc_info_may_print_to_a_stream_that_allocates) {
  char* text = nullptr;
  std::size_t length = 0;
  FILE* out = open_memstream(&text, &length);
  EXPECT(out != nullptr);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(malloc_info(0, out), 0);
  fclose(out);
  EXPECT(length > 1000 && strncmp(text, "<malloc version=", 16) == 0);
  free(text);
}

CASE(malloc_trim_returns_the_memory_of_all_arenas) {
  static pthread_barrier_t freed, leave;
  pthread_barrier_init(&freed, nullptr, 3);
  pthread_barrier_init(&leave, nullptr, 3);
  pthread_t threads[2];
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    void* blocks[500];
                    for (void*& p : blocks) {
                      memset(p = malloc(20000), 1, 20000);
                      malloc(16);
                    }
                    for (void* p : blocks) free(p);
                    pthread_barrier_wait(&freed);
                    pthread_barrier_wait(&leave);
                    return nullptr;
                  },
                  nullptr),
              0);
  pthread_barrier_wait(&freed);
  malloc_trim(0);
  // 2 * 500 blocks of 20,000 bytes, each with at least three whole pages to give.
  EXPECT_AT_MOST(status_bytes("VmRSS"), 14_MiB);
  pthread_barrier_wait(&leave);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

CASE(all_may_be_called_under_allocation_load) {
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDERR_FILENO);
  pthread_t workers[3];
  for (std::uintptr_t i = 0; i < 3; ++i)
    EXPECT_EQ(pthread_create(&workers[i], nullptr, churn, reinterpret_cast<void*>(i + 1)), 0);
  pthread_t callers[3];
  for (pthread_t& caller : callers)
    EXPECT_EQ(pthread_create(
                  &caller, nullptr,
                  [](void*) -> void* {
                    FILE* out = fopen("/dev/null", "w");
                    for (int i = 0; i < 500; ++i) {
                      const auto info = mallinfo2();
                      if (info.arena < info.fordblks) _exit(3);
                      if (malloc_info(0, out) != 0) _exit(4);
                      malloc_stats();
                      if (i % 10 == 0) malloc_trim(static_cast<std::size_t>(i) * 1000);
                      if (i % 10 == 5) mallopt(M_TOP_PAD, 100000 + i);
                      free(malloc(malloc_usable_size(out) + 100));
                    }
                    fclose(out);
                    return nullptr;
                  },
                  nullptr),
              0);
  for (pthread_t caller : callers) pthread_join(caller, nullptr);
  stop = true;
  for (pthread_t worker : workers) pthread_join(worker, nullptr);
}
