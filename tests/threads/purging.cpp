// Threads whose blocks come and go while another purges spans, large blocks and arenas all the
// time: nothing that is in use is purged, and nothing is lost. With `fork`, children are made
// meanwhile, at whatever moment of a purge, and each finds its blocks and its arenas whole.
//
//   threads_purging OPERATIONS [fork]
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/engine.hpp"
#include "support/allocator.hpp"

namespace {

constexpr size_t k_threads = 4;
constexpr size_t k_slots = 48;
constexpr int k_children = 12;

std::atomic<bool> g_stop{false};
std::atomic<size_t> g_purged{0};
long g_operations = 0;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "threads_purging: %s\n", what);
  std::abort();
}

size_t purge(size_t bytes) {
  return arenite::engine::g_spans.purge(bytes) + arenite::large::purge(bytes) +
         arenite::chunk::purge_arenas(bytes);
}

struct Block {
  unsigned char* start = nullptr;
  size_t size = 0;
  unsigned char fill = 0;
};

struct Worker {
  pthread_t thread;
  uint64_t state = 0;
  Block slots[k_slots];

  size_t below(size_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<size_t>((state >> 11) % n);
  }
  static void check(const Block& b) {
    if (b.start[0] != b.fill || std::memcmp(b.start, b.start + 1, b.size - 1) != 0)
      fail("a block's contents changed");
  }
  void one() {
    Block& b = slots[below(k_slots)];
    if (b.start != nullptr) {
      check(b);
      heap::free(b.start);
      b = {};
      return;
    }
    b.size = 8192 + below(192 << 10);
    b.fill = static_cast<unsigned char>(1 + below(255));
    const bool zeroed = below(4) == 0;
    b.start = static_cast<unsigned char*>(zeroed ? heap::calloc(1, b.size) : heap::malloc(b.size));
    if (b.start == nullptr) fail("no memory");
    if (zeroed && (b.start[0] != 0 || std::memcmp(b.start, b.start + 1, b.size - 1) != 0))
      fail("calloc is not zero");
    std::memset(b.start, b.fill, b.size);
  }
};

Worker g_workers[k_threads];

void* work(void* argument) {
  auto* worker = static_cast<Worker*>(argument);
  for (long n = 0; n < g_operations; n++) worker->one();
  return nullptr;
}

void* purge_all_the_time(void*) {
  Worker dice;
  dice.state = 99;
  while (!g_stop.load(std::memory_order_relaxed))
    g_purged.fetch_add(purge(dice.below(8 << 20)), std::memory_order_relaxed);
  return nullptr;
}

void expect_whole() {
  arenite::chunk::Breach breach;
  if (!arenite::engine::verify(breach)) fail(breach.what);
}

// The child has this thread alone, and what it allocated itself.
void fork_and_look(Worker& own) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    expect_whole();
    for (int i = 0; i < 400; i++) own.one();
    purge(SIZE_MAX);
    for (const Block& b : own.slots) {
      if (b.start != nullptr) Worker::check(b);
    }
    expect_whole();
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("a child went wrong");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  g_operations = std::atol(argv[1]);
  static Worker own;
  own.state = 7;
  // The library purges only after a free, so after its start; nothing else in here starts it where
  // the sanitizer's malloc serves the program.
  heap::free(heap::malloc(1));
  pthread_t purger;
  if (pthread_create(&purger, nullptr, purge_all_the_time, nullptr) != 0) return 1;
  for (size_t i = 0; i < k_threads; i++) {
    g_workers[i].state = 1000 + i;
    if (pthread_create(&g_workers[i].thread, nullptr, work, &g_workers[i]) != 0) return 1;
  }
  for (int i = 0; argc > 2 && i < k_children; i++) {
    for (int n = 0; n < 100; n++) own.one();
    fork_and_look(own);
  }
  for (Worker& worker : g_workers) pthread_join(worker.thread, nullptr);
  g_stop = true;
  pthread_join(purger, nullptr);
  expect_whole();
  for (Worker& worker : g_workers) {
    for (Block& b : worker.slots) {
      if (b.start == nullptr) continue;
      Worker::check(b);
      heap::free(b.start);
    }
  }
  purge(SIZE_MAX);
  expect_whole();
  if (g_purged == 0) fail("nothing was ever purged");
  std::printf("threads_purging: %zu MiB purged\n", g_purged.load() >> 20);
  return 0;
}
