// Threads that fill and empty a table of small blocks together, each freeing what others took,
// while one gives back whatever pages come free between them: nothing that is in use is purged, no
// block is handed out twice, and nothing is lost. With `fork`, children are made meanwhile, at
// whatever moment of a purge, and each finds its blocks and its slabs whole.
//
//   threads_inside_slabs OPERATIONS [fork]
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
constexpr size_t k_slots = 4096;
constexpr int k_children = 12;

struct Block {
  size_t size;
  unsigned char fill;
};

std::atomic<Block*> g_slots[k_slots];
std::atomic<bool> g_stop{false};
size_t g_purged = 0;  // the purger's
long g_operations = 0;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "threads_inside_slabs: %s\n", what);
  std::abort();
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  size_t below(size_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<size_t>((state_ >> 11) % n);
  }

 private:
  uint64_t state_;
};

Block* take(Dice& dice) {
  const size_t size = 500 + dice.below(dice.below(2) == 0 ? 2000 : 7600);
  auto* block = static_cast<Block*>(heap::malloc(size));
  if (block == nullptr) fail("no memory");
  const auto fill = static_cast<unsigned char>(1 + dice.below(255));
  std::memset(static_cast<void*>(block), fill, size);
  *block = {size, fill};
  return block;
}

void give(Block* block) {
  if (block == nullptr) return;
  const auto* bytes = reinterpret_cast<const unsigned char*>(block) + sizeof(Block);
  const size_t count = block->size - sizeof(Block);
  if (bytes[0] != block->fill || std::memcmp(bytes, bytes + 1, count - 1) != 0)
    fail("a block's contents changed");
  heap::free(block);
}

// Now filling, now emptying.
void one(Dice& dice, long n) {
  const bool fills = n / 3000 % 2 == 0;
  Block* block = dice.below(10) < (fills ? 8U : 2U) ? take(dice) : nullptr;
  give(g_slots[dice.below(k_slots)].exchange(block, std::memory_order_acq_rel));
}

void* work(void* argument) {
  Dice dice(reinterpret_cast<uintptr_t>(argument));
  for (long n = 0; n < g_operations; n++) one(dice, n);
  return nullptr;
}

void* purge_all_the_time(void*) {
  auto& depot = arenite::cache::g_depot;
  for (unsigned n = 0; !g_stop.load(std::memory_order_relaxed); n++) {
    if (n % 4 == 0) {
      depot.look_for_holes(0, arenite::policy::Holes::k_short_step);
    } else {
      g_purged += depot.purge_holes();
    }
  }
  return nullptr;
}

void expect_whole() {
  arenite::Breach breach;
  if (!arenite::engine::verify(breach)) fail(breach.what);
}

// The child has this thread alone; what others had taken out of the table is not known to it.
void fork_and_look(Dice& dice) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    expect_whole();
    for (long n = 0; n < 9000; n++) one(dice, n);
    arenite::cache::g_depot.purge_holes();
    for (auto& slot : g_slots) give(slot.exchange(nullptr));
    arenite::cache::g_depot.purge_holes();
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
  Dice dice(7);
  pthread_t purger;
  pthread_t threads[k_threads];
  if (pthread_create(&purger, nullptr, purge_all_the_time, nullptr) != 0) return 1;
  for (size_t i = 0; i < k_threads; i++) {
    if (pthread_create(&threads[i], nullptr, work, reinterpret_cast<void*>(1000 + i)) != 0)
      return 1;
  }
  for (int i = 0; argc > 2 && i < k_children; i++) {
    for (long n = 0; n < 100; n++) one(dice, n);
    fork_and_look(dice);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  g_stop = true;
  pthread_join(purger, nullptr);
  expect_whole();
  for (auto& slot : g_slots) give(slot.exchange(nullptr));
  expect_whole();
  if (g_purged == 0) fail("nothing was ever purged");
  std::printf("threads_inside_slabs: %zu MiB purged\n", g_purged >> 20);
  return 0;
}
