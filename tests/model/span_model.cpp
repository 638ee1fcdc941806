// A randomized model of a heap of spans: what a right one would hold is kept beside what ours
// holds.
//
//   span_model OPERATIONS [THREADS [SEED [PAGE_SIZE [refusals]]]]
//
// Each thread owns a table of slots; an operation does to a slot's block what the dice say. Every
// unit of a block is stamped, and the stamps are checked before the block is resized or freed: so
// two blocks that overlap, or a page that went while it was in use, are found. Threads pass blocks
// to each other, and purge at any moment. Every so often all invariants are checked, and, with one
// thread, that the heap's runs are the model's blocks and no others. With several, children of fork
// are made as well, and each finds its heap whole. The first difference ends the test with the seed
// to repeat it. A page size that is a multiple of the machine's is that of another machine. With
// `refusals` the kernel refuses every now and then: a request may fail then, and nothing else.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "span/span.hpp"

namespace {

using arenite::Breach;
using arenite::k_kib;
namespace os = arenite::os;
using arenite::span::Heap;
using arenite::span::k_largest;
using arenite::span::k_unit;
using arenite::span::KnownZero;
using arenite::span::RunView;

constexpr size_t k_slots = 300;
constexpr size_t k_exchange = 64;
constexpr size_t k_live_limit = arenite::k_is_64_bit ? size_t{600} << 20 : size_t{100} << 20;
constexpr size_t k_most_threads = 16;

uint64_t g_seed = 1;
size_t g_threads = 1;
bool g_has_refusals = false;
std::atomic<size_t> g_live{0};
std::atomic<size_t> g_purged{0};
constinit Heap g_heap;

[[noreturn]] void fail(const char* what, const void* block, size_t size) {
  std::fprintf(stderr, "span_model: %s: block %p of %zu bytes (seed %" PRIu64 ")\n", what, block,
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
    return state_ * 0x2545f4914f6cdd1dULL >> 11;
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  size_t size() {
    size_t n = 0;
    switch (below(10)) {
      case 0:
        n = 4097 + below(4 * k_kib);
        break;
      case 1:
      case 2:
      case 3:
        n = 8193 + below(24 * k_kib);
        break;
      case 4:
      case 5:
        n = 20000;
        break;
      case 6:
      case 7:
        n = 60000 + below(200000);
        break;
      case 8:
        n = 200000 + below(3000000);
        break;
      default:
        n = below(20) != 0 ? 9000 + below(9000) : k_largest - below(k_largest / 2);
    }
    return n < k_largest ? n : k_largest;
  }

 private:
  uint64_t state_;
};

struct Block {
  unsigned char* start = nullptr;
  size_t size = 0;
  uint32_t stamp = 0;
};

uint32_t* stamp_at(const Block& b, size_t at) {
  return reinterpret_cast<uint32_t*>(b.start + at);
}
// One for each unit, but for large blocks, and one at the end.
size_t stride_of(size_t size) {
  return size < 256 * k_kib ? k_unit : 16 * k_unit;
}
void fill(Block& b, Dice& dice) {
  b.stamp = static_cast<uint32_t>(dice.next()) | 1;
  for (size_t at = 0; at + 4 <= b.size; at += stride_of(b.size)) *stamp_at(b, at) = b.stamp;
  *stamp_at(b, (b.size - 4) & ~size_t{3}) = b.stamp;
}
// As far as `size`, which may be less than all.
void check(const Block& b, size_t size) {
  for (size_t at = 0; at + 4 <= size; at += stride_of(b.size)) {
    if (*stamp_at(b, at) != b.stamp) fail("contents changed", b.start, b.size);
  }
  if (size != b.size) return;
  if (*stamp_at(b, (size - 4) & ~size_t{3}) != b.stamp)
    fail("contents changed at the end", b.start, b.size);
  if (Heap::size_of(b.start) < b.size) fail("usable size changed", b.start, b.size);
}
void check_zero(const Block& b, const KnownZero& zero) {
  if (zero.end <= zero.begin) return;
  const auto* from = reinterpret_cast<const unsigned char*>(zero.begin);
  const auto* to = reinterpret_cast<const unsigned char*>(zero.end);
  if (from < b.start || to > b.start + b.size) fail("more is zero than there is", b.start, b.size);
  // The library's purge is of whole pages: a line of each page tells.
  for (const auto* p = from; p < to; p += 256) {
    if (*p != 0) fail("what is known to be zero is not", b.start, b.size);
  }
  if (to[-1] != 0) fail("what is known to be zero is not, at the end", b.start, b.size);
}

void acquire(Block& b, Dice& dice) {
  b.size = dice.size();
  const size_t align = size_t{1} << dice.below(arenite::k_is_64_bit ? 22 : 17);
  const size_t how = dice.below(4);
  KnownZero zero;
  void* p = how == 0   ? g_heap.allocate_to_clear(b.size, zero)
            : how == 1 ? g_heap.allocate_aligned(b.size, align)
                       : g_heap.allocate(b.size);
  if (p == nullptr) {
    if (g_threads == 1 && !g_has_refusals) fail("no memory", nullptr, b.size);
    return;
  }
  b.start = static_cast<unsigned char*>(p);
  if (how == 1 && reinterpret_cast<uintptr_t>(p) % align != 0) fail("not aligned", p, align);
  if (Heap::size_of(p) < b.size) fail("usable size is less than asked for", p, b.size);
  check_zero(b, zero);
  fill(b, dice);
  g_live += b.size;
}

void release(Block& b) {
  check(b, b.size);
  g_live -= b.size;
  if (!Heap::free(b.start)) fail("it is not ours", b.start, b.size);
  b = {};
}

void resize(Block& b, Dice& dice) {
  check(b, b.size);
  size_t n = dice.below(2) == 0 ? b.size + dice.below(20000) : dice.size();
  if (n > k_largest) n = k_largest;
  unsigned char* q = b.start;
  if (!Heap::resize(b.start, n)) {
    q = static_cast<unsigned char*>(g_heap.allocate_for_growth(b.start, n));
    if (q == nullptr) return;
    std::memcpy(q, b.start, std::min(b.size, n));
    if (!Heap::free(b.start)) fail("it is not ours", b.start, b.size);
  }
  check({q, b.size, b.stamp}, std::min(b.size, n));
  g_live += n - b.size;
  b = {q, n, 0};
  fill(b, dice);
}

std::atomic<Block*> g_exchange[k_exchange];

void exchange(Block& b, Dice& dice) {
  Block* offered = nullptr;
  if (b.start != nullptr) offered = new Block(b);
  b = {};
  Block* got = g_exchange[dice.below(k_exchange)].exchange(offered, std::memory_order_acq_rel);
  if (got == nullptr) return;
  b = *got;
  delete got;
}

void verify() {
  Breach breach;
  if (g_heap.verify(breach)) return;
  std::fprintf(stderr, "span_model: %s: %s at 0x%zx (seed %" PRIu64 ")\n", breach.invariant,
               breach.what, static_cast<size_t>(breach.address), g_seed);
  std::abort();
}

// With one thread: the heap's runs in use are the model's blocks.
void compare(const std::vector<Block>& slots) {
  std::map<uintptr_t, size_t> ours;
  for (const Block& b : slots) {
    if (b.start != nullptr) ours[reinterpret_cast<uintptr_t>(b.start)] = b.size;
  }
  for (const auto& place : g_exchange) {
    if (const Block* b = place.load()) ours[reinterpret_cast<uintptr_t>(b->start)] = b->size;
  }
  size_t found = 0;
  size_t claimed = 0;
  size_t free_bytes = 0;
  size_t dirty_bytes = 0;
  uintptr_t last_end = 0;
  // Releases what was freed.
  const arenite::span::Figures figures = g_heap.figures();
  g_heap.for_each_run([&](const RunView& run) {
    if (run.start < last_end && run.start % arenite::k_granule != 0)
      fail("a run begins inside another", reinterpret_cast<void*>(run.start), run.bytes);
    last_end = run.start + run.bytes;
    claimed += run.state == RunView::State::claimed;
    if (run.state == RunView::State::free) free_bytes += run.bytes;
    if (run.bytes >= 5 * k_unit) dirty_bytes += run.dirty_bytes;
    if (run.state != RunView::State::block) return;
    found++;
    const auto place = ours.find(run.start);
    if (place == ours.end() || place->second > run.bytes)
      fail("a run in use is no block", reinterpret_cast<void*>(run.start), run.bytes);
  });
  if (found != ours.size()) fail("a block is no run in use", nullptr, ours.size());
  if (claimed != 0) fail("what was freed is claimed still", nullptr, claimed);
  if (figures.free != free_bytes || figures.retained != dirty_bytes)
    fail("figures are not those of the runs", nullptr, figures.free);
}

// The child of a fork has the heap as it is, and alone.
void make_child(const std::vector<Block>& slots) {
  g_heap.freeze();
  const pid_t child = fork();
  if (child != 0) {
    g_heap.thaw();
    int status = 0;
    if (child < 0) return;
    if (waitpid(child, &status, 0) != child || status != 0)
      fail("a child failed", nullptr, static_cast<size_t>(status));
    return;
  }
  g_heap.restart_in_child();
  verify();
  for (const Block& b : slots) {
    if (b.start == nullptr) continue;
    check(b, b.size);
    Heap::free(b.start);
  }
  for (int i = 0; i < 100; i++) {
    if (g_heap.allocate(20000 + static_cast<size_t>(i) * 1000) == nullptr) _exit(3);
  }
  g_heap.purge(SIZE_MAX);
  verify();
  _exit(0);
}

struct Worker {
  pthread_t thread;
  uint64_t seed;
  long operations;
  std::vector<Block> slots = std::vector<Block>(k_slots);
};

#if defined(__SANITIZE_THREAD__)
constexpr bool k_forks = false;  // a fork of several threads is what it does not follow
#else
constexpr bool k_forks = true;
#endif

void* live(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  Dice dice(worker.seed);
  for (long n = 1; n <= worker.operations; n++) {
    Block& b = worker.slots[dice.below(k_slots)];
    const size_t what = dice.below(100);
    if (g_has_refusals && n % 8 == 0) {
      const uint64_t nth = dice.below(4);  // 0: none
      os::g_fault_plan.fail_nth(nth, static_cast<unsigned>(dice.next()), dice.below(2) == 0);
    }
    if (what < 8) {
      exchange(b, dice);
    } else if (b.start == nullptr) {
      if (g_live < k_live_limit) acquire(b, dice);
    } else if (what < 30) {
      resize(b, dice);
    } else {
      release(b);
      if (dice.below(3) == 0) acquire(b, dice);
    }
    if (dice.below(500) == 0)
      g_purged += g_heap.purge(dice.below(4) == 0 ? SIZE_MAX : dice.below(4 << 20));
    if (n % (g_threads == 1 ? 256 : 20000) == 0) {
      verify();
      if (g_threads == 1) compare(worker.slots);
    }
    if (k_forks && g_threads > 1 && worker.seed % 1000 == 0 && n % 20000 == 0)
      make_child(worker.slots);
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: span_model OPERATIONS [THREADS [SEED [PAGE_SIZE [refusals]]]]\n");
    return 2;
  }
  const long operations = std::atol(argv[1]);
  if (argc > 2) g_threads = static_cast<size_t>(std::atoi(argv[2]));
  if (argc > 3) g_seed = static_cast<uint64_t>(std::atoll(argv[3]));
  size_t page = arenite::os::page_size();
  if (argc > 4 && std::strtoul(argv[4], nullptr, 0) > page)
    page = std::strtoul(argv[4], nullptr, 0);
  if (operations <= 0 || g_threads == 0 || g_threads > k_most_threads) return 2;
  g_has_refusals = argc > 5 && std::strcmp(argv[5], "refusals") == 0;
  g_heap.begin(page);
  static std::vector<Worker> workers(g_threads);
  for (size_t i = 0; i < g_threads; i++) {
    workers[i].seed = g_seed * 1000 + i;
    workers[i].operations = operations / static_cast<long>(g_threads);
  }
  if (g_threads == 1) {
    live(&workers[0]);  // the program stays single-threaded, and its locks unused
  } else {
    for (Worker& w : workers) {
      if (pthread_create(&w.thread, nullptr, live, &w) != 0) return 1;
    }
    for (const Worker& w : workers) pthread_join(w.thread, nullptr);
  }
  os::g_fault_plan.fail_nth(0);
  verify();
  for (std::atomic<Block*>& place : g_exchange) {
    if (Block* b = place.exchange(nullptr)) {
      release(*b);
      delete b;
    }
  }
  for (Worker& w : workers) {
    for (Block& b : w.slots) {
      if (b.start != nullptr) release(b);
    }
  }
  verify();
  g_heap.purge(SIZE_MAX);
  g_heap.purge(SIZE_MAX);  // once more for regions that were missed
  verify();
  const arenite::span::Figures figures = g_heap.figures();
  // One region stays, and perhaps one that nobody came to use.
  size_t used_regions = 0;
  g_heap.for_each_run([&](const RunView& run) {
    used_regions += run.start % arenite::k_granule == 0 && run.state != RunView::State::reserve;
  });
  if (figures.retained != 0 || figures.in_use != 0 || used_regions > 1)
    fail("something is left", nullptr, figures.retained + figures.in_use);
  std::printf("span_model: %ld operations, %zu threads, seed %" PRIu64
              ", %zu MiB purged: all as "
              "the model has it\n",
              operations, g_threads, g_seed, g_purged.load() >> 20);
  return 0;
}
