// A randomized model of the heap: what a right allocator would hold is kept beside what ours holds.
//
//   model_test OPERATIONS [THREADS [SEED]]
//
// Each thread owns a table of slots. An operation picks a slot and does to its block, by any entry
// point, what the dice say. The model knows each block's size, alignment and the byte it was filled
// with; every byte of a block is checked before the block is resized or freed, over all its usable
// size. Blocks pass from thread to thread, threads end and leave theirs to their successors, and
// settings change on the way. Every so often all invariants of all arenas and slabs are checked.
// The first difference ends the test with the seed to repeat it.
#include <malloc.h>
#include <pthread.h>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/engine.hpp"
#include "support/allocator.hpp"

namespace {

constexpr size_t k_slots = 6000;
constexpr size_t k_exchange = 256;
constexpr size_t k_live_limit =
    sizeof(void*) == 8 ? 400ULL << 20 : 100ULL << 20;  // bytes, all threads
constexpr uint64_t k_verify_every = 50000;
constexpr uint64_t k_thread_life = 400000;

uint64_t g_seed = 1;
std::atomic<int64_t> g_operations_left{0};
std::atomic<int64_t> g_live_bytes{0};

[[noreturn]] void fail(const char* what, const void* block, size_t size) {
  std::fprintf(stderr, "model_test: %s: block %p of %zu bytes (seed %" PRIu64 ")\n", what, block,
               size, g_seed);
  std::abort();
}

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1dULL >> 8;
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }

  // Mostly small, now and then up to 64 MiB: each power of two as likely as its neighbours. A third
  // are on a border between two size classes of slabs, and half of those on the same one for a
  // while, so that slabs run full and empty again.
  size_t size() {
    if (below(3) == 0) {
      if (below(500) == 0) favourite_ = some_class();
      const unsigned c = below(2) == 0 ? favourite_ : some_class();
      return arenite::slab::info(c).size - 1 + below(3);
    }
    const size_t kind = below(20000);
    const unsigned bits = kind < 16000   ? 9
                          : kind < 19400 ? 13
                          : kind < 19990 ? 17
                          : kind < 19999 ? 21
                                         : 26;
    const size_t limit = size_t{1} << (1 + below(bits));
    return below(limit + 1);
  }

 private:
  // Of small blocks more than of large ones.
  unsigned some_class() {
    return static_cast<unsigned>(below(1 + below(arenite::slab::k_classes)));
  }

  uint64_t state_;
  unsigned favourite_ = 0;
};

struct Block {
  unsigned char* start = nullptr;
  size_t asked = 0;
  size_t usable = 0;
  size_t align = 0;  // 0: what malloc promises
  unsigned char fill = 0;
};

bool all_bytes_are(const unsigned char* p, size_t n, unsigned char byte) {
  return n == 0 || (p[0] == byte && std::memcmp(p, p + 1, n - 1) == 0);
}

// Checks the block as it came from the allocator and fills all of it.
void take_over(Block& b, void* p, size_t asked, size_t align, unsigned char fill) {
  b = {static_cast<unsigned char*>(p), asked, heap::usable_size(p), align, fill};
  if (b.usable < asked) fail("usable size is less than asked for", p, asked);
  const size_t promised = align != 0 ? align : arenite::chunk::alignment();
  if (reinterpret_cast<uintptr_t>(p) % promised != 0) fail("not aligned", p, asked);
  std::memset(b.start, fill, b.usable);
  g_live_bytes.fetch_add(static_cast<int64_t>(b.usable), std::memory_order_relaxed);
}

void check(const Block& b) {
  if (heap::usable_size(b.start) != b.usable) fail("usable size changed", b.start, b.asked);
  if (!all_bytes_are(b.start, b.usable, b.fill)) fail("contents changed", b.start, b.asked);
}

void release(Block& b, Dice& dice) {
  check(b);
  g_live_bytes.fetch_sub(static_cast<int64_t>(b.usable), std::memory_order_relaxed);
  if (dice.below(8) != 0) {
    heap::free(b.start);
  } else if (b.align != 0) {
    heap::free_aligned_sized(b.start, b.align, b.asked);
  } else {
    heap::free_sized(b.start, b.asked);
  }
  b = {};
}

void resize(Block& b, Dice& dice) {
  check(b);
  const size_t size = dice.below(3) == 0 ? b.asked + 1 + dice.below(b.asked + 64) : dice.size() + 1;
  const unsigned char fill = b.fill;
  const size_t kept = size < b.asked ? size : b.asked;
  g_live_bytes.fetch_sub(static_cast<int64_t>(b.usable), std::memory_order_relaxed);
  void* p =
      dice.below(2) == 0 ? heap::realloc(b.start, size) : heap::reallocarray(b.start, 1, size);
  if (p == nullptr) fail("realloc failed", b.start, size);
  if (!all_bytes_are(static_cast<unsigned char*>(p), kept, fill))
    fail("realloc lost the contents", p, size);
  take_over(b, p, size, 0, static_cast<unsigned char>(1 + dice.below(255)));
}

void acquire(Block& b, Dice& dice) {
  const size_t size = dice.size();
  const auto fill = static_cast<unsigned char>(1 + dice.below(255));
  void* p = nullptr;
  size_t align = 0;
  switch (dice.below(16)) {
    case 0:
    case 1:
    case 2: {
      const size_t count = 1 + dice.below(4);
      p = heap::calloc(count, size / count);
      if (p != nullptr && !all_bytes_are(static_cast<unsigned char*>(p), size / count * count, 0)) {
        fail("calloc is not zero", p, size);
      }
      if (p != nullptr) take_over(b, p, size / count * count, 0, fill);
      break;
    }
    case 3:
      align = size_t{8} << dice.below(12);
      if (align < arenite::chunk::alignment()) align = arenite::chunk::alignment();
      p = dice.below(2) == 0 ? heap::memalign(align, size) : heap::aligned_alloc(align, size);
      if (p != nullptr) take_over(b, p, size, align, fill);
      break;
    case 4:
      align = sizeof(void*) << dice.below(14);
      if (align < arenite::chunk::alignment()) align = arenite::chunk::alignment();
      if (heap::posix_memalign(&p, align, size) != 0) p = nullptr;
      if (p != nullptr) take_over(b, p, size, align, fill);
      break;
    case 5:
      p = dice.below(8) == 0 ? heap::pvalloc(size) : heap::valloc(size);
      if (p != nullptr) take_over(b, p, size, 4096, fill);
      break;
    case 6:
      p = heap::realloc(nullptr, size);
      if (p != nullptr) take_over(b, p, size, 0, fill);
      break;
    default:
      p = heap::malloc(size);
      if (p != nullptr) take_over(b, p, size, 0, fill);
  }
  if (p == nullptr) fail("no memory", nullptr, size);
}

// Where threads leave blocks for one another. A full place holds a pointer to a Block made by
// malloc.
std::atomic<Block*> g_exchange[k_exchange];

void exchange(Block& b, Dice& dice) {
  Block* offered = nullptr;
  if (b.start != nullptr) {
    offered = static_cast<Block*>(heap::malloc(sizeof(Block)));
    if (offered == nullptr) fail("no memory", nullptr, sizeof(Block));
    *offered = b;
    b = {};
  }
  Block* got = g_exchange[dice.below(k_exchange)].exchange(offered, std::memory_order_acq_rel);
  if (got == nullptr) return;
  b = *got;
  heap::free(got);
}

// Takes and frees what others left in a run of places: whole slabs of theirs come to be empty.
void sweep(Dice& dice) {
  const size_t first = dice.below(k_exchange);
  for (size_t i = 0; i < k_exchange / 8; i++) {
    Block* got = g_exchange[(first + i) % k_exchange].exchange(nullptr, std::memory_order_acq_rel);
    if (got == nullptr) continue;
    release(*got, dice);
    heap::free(got);
  }
}

// Leaves a run of this thread's blocks to others.
void leave(Block* slots, Dice& dice) {
  const size_t first = dice.below(k_slots);
  for (size_t i = 0; i < k_exchange / 8; i++) exchange(slots[(first + i) % k_slots], dice);
}

void change_a_setting(Dice& dice) {
  switch (dice.below(9)) {
    case 0:
      heap::mallopt(M_MXFAST, static_cast<int>(dice.below(161)));
      break;
    case 1:
      heap::mallopt(M_TRIM_THRESHOLD, static_cast<int>(dice.below(4 << 20)));
      break;
    case 2:
      heap::mallopt(M_TOP_PAD, static_cast<int>(dice.below(512 << 10)));
      break;
    case 3:
      heap::mallopt(M_MMAP_THRESHOLD, static_cast<int>((64 << 10) + dice.below(400 << 10)));
      break;
    case 4:
      heap::trim(dice.below(1 << 20));
      break;
    case 5:
    case 6:
    case 7:
      arenite::chunk::purge_arenas(dice.below(4 << 20));
      break;
    default:
      if (heap::mallinfo2().arena == 0) fail("mallinfo2 says there is no heap", nullptr, 0);
  }
}

void verify_all() {
  arenite::chunk::Breach breach;
  if (arenite::engine::verify(breach)) return;
  std::fprintf(stderr, "model_test: %s: %s at 0x%zx (seed %" PRIu64 ")\n", breach.invariant,
               breach.what, static_cast<size_t>(breach.address), g_seed);
  std::abort();
}

void one_operation(Block* slots, Dice& dice) {
  Block& b = slots[dice.below(k_slots)];
  const bool full =
      g_live_bytes.load(std::memory_order_relaxed) > static_cast<int64_t>(k_live_limit);
  const size_t what = dice.below(100);
  if (what == 0 && dice.below(400) == 0) {
    change_a_setting(dice);
  } else if (what == 0 && dice.below(4) == 0) {
    dice.below(2) == 0 ? leave(slots, dice) : sweep(dice);
  } else if (what < 8) {
    exchange(b, dice);
  } else if (b.start == nullptr) {
    if (!full) acquire(b, dice);
  } else if (what < 25 && !full) {
    resize(b, dice);
  } else {
    release(b, dice);
  }
}

struct Worker {
  pthread_t thread;
  uint64_t seed;
  Block slots[k_slots];
};

// One thread's life; its blocks stay in the table for the thread after it.
void* live(void* argument) {
  auto* worker = static_cast<Worker*>(argument);
  Dice dice(worker->seed++);
  for (uint64_t n = 1; n <= k_thread_life; n++) {
    if (g_operations_left.fetch_sub(1, std::memory_order_relaxed) <= 0) break;
    one_operation(worker->slots, dice);
    if (n % k_verify_every == 0) verify_all();
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: model_test OPERATIONS [THREADS [SEED]]\n");
    return 2;
  }
  const int64_t operations = std::atoll(argv[1]);
  const size_t threads = argc > 2 ? static_cast<size_t>(std::atoi(argv[2])) : 1;
  if (argc > 3) g_seed = static_cast<uint64_t>(std::atoll(argv[3]));
  g_operations_left.store(operations);
  static Worker workers[32];
  if (operations <= 0 || threads == 0 || threads > 32) {
    std::fprintf(stderr, "model_test: OPERATIONS must be above 0, THREADS from 1 to 32\n");
    return 2;
  }
  for (size_t i = 0; i < threads; i++) workers[i].seed = g_seed * 1000 + i * 100;

  // Generation after generation, until the operations are used up.
  while (g_operations_left.load() > 0) {
    if (threads == 1) {
      live(&workers[0]);  // the program stays single-threaded, and its locks unused
      continue;
    }
    for (size_t i = 0; i < threads; i++) {
      if (pthread_create(&workers[i].thread, nullptr, live, &workers[i]) != 0) {
        std::fprintf(stderr, "model_test: no thread\n");
        return 1;
      }
    }
    for (size_t i = 0; i < threads; i++) pthread_join(workers[i].thread, nullptr);
    verify_all();
  }

  Dice dice(g_seed);
  for (std::atomic<Block*>& place : g_exchange) {
    Block* b = place.load();
    if (b != nullptr) {
      release(*b, dice);
      heap::free(b);
    }
  }
  for (size_t i = 0; i < threads; i++) {
    for (Block& b : workers[i].slots) {
      if (b.start != nullptr) release(b, dice);
    }
  }
  verify_all();
  heap::trim(0);
  verify_all();
  std::printf("model_test: %" PRId64 " operations, %zu threads, seed %" PRIu64
              ": all as the model has it\n",
              operations, threads, g_seed);
  return 0;
}
