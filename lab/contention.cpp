// Experiment contention: 1 to 16 threads take and free blocks as fast as they can. Who waits?
//
// Four kinds of work, each with 1, 2, 4, 8 and 16 threads that begin together:
//
//   small         each replaces blocks of 16 to 1,024 bytes of its own
//   middle        the same with 9,000 to 40,000 bytes, more than a slab serves
//   small passed  each takes a block, exchanges it for one in a table that all share, frees that:
//   middle passed most blocks are freed by another thread than took them
//
// A thread that finds a lock taken and does not get it soon sleeps in futex(), and each sleep is a
// voluntary context switch, which the kernel counts for each thread. Nothing else here sleeps: the
// table needs no lock, nothing is printed meanwhile. The page contention.md says what to expect.

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <ctime>

#include "steps.hpp"
#include "worker.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "contention";
constexpr size_t k_most_threads = 64;
constexpr size_t k_blocks = 128;  // of each thread
constexpr size_t k_shared = 1024;
constexpr size_t k_lot = 100;  // operations between two looks at the clock

struct Kind {
  std::string_view name;
  uint32_t smallest;
  uint32_t largest;
  bool is_passed;
};

constexpr Kind k_kinds[] = {
    {"small", 16, 1024, false},
    {"middle", 9000, 40'000, false},
    {"small passed", 16, 1024, true},
    {"middle passed", 9000, 40'000, true},
};

std::atomic<void*> s_shared[k_shared];
std::atomic<size_t> s_ready;

constexpr uint64_t k_second = 1'000'000'000;  // in nanoseconds

uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * k_second + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t sleeps_of_this_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint32_t below(uint32_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(((state_ >> 32) * n) >> 32);
  }

 private:
  uint64_t state_;
};

// What one thread does, and what it finds.
class Load {
 public:
  void prepare(const Kind& kind, size_t seed) {
    kind_ = &kind;
    random_ = Random(seed + 1);
    operations = 0;
  }

  // Fills its blocks, waits without sleeping until all have, works for a while, and frees them.
  void run(size_t threads, uint64_t nanoseconds) {
    for (void*& block : blocks_) block = take();
    s_ready.fetch_add(1);
    while (s_ready.load() < threads) sched_yield();
    const uint64_t sleeps_before = sleeps_of_this_thread();
    const uint64_t begun = now();
    do {
      for (size_t i = 0; i < k_lot; i++) replace();
      operations += k_lot;
      spent = now() - begun;
    } while (spent < nanoseconds);
    sleeps = sleeps_of_this_thread() - sleeps_before;
    for (void* block : blocks_) free(block);
  }

  uint64_t operations = 0;
  uint64_t spent = 0;  // nanoseconds
  uint64_t sleeps = 0;

 private:
  void* take() {
    void* const block = malloc(kind_->smallest + random_.below(kind_->largest - kind_->smallest));
    if (block == nullptr) fail(1, k_program, "out of memory");
    *static_cast<volatile char*>(block) = 1;
    return block;
  }

  void replace() {
    if (kind_->is_passed) {
      free(s_shared[random_.below(k_shared)].exchange(take(), std::memory_order_acq_rel));
    } else {
      void*& block = blocks_[random_.below(k_blocks)];
      free(block);
      block = take();
    }
  }

  const Kind* kind_ = nullptr;
  Random random_{0};
  void* blocks_[k_blocks];
};

Worker s_workers[k_most_threads];
Load s_loads[k_most_threads];

// What one number of threads did.
struct Found {
  size_t threads = 0;
  uint64_t operations = 0;
  uint64_t spent = 0;
  uint64_t sleeps = 0;
};

Found try_kind(const Kind& kind, size_t threads, uint64_t nanoseconds) {
  s_ready = 0;
  for (size_t i = 0; i < threads; i++) {
    s_workers[i].start();
    s_loads[i].prepare(kind, i);
  }
  std::atomic<Load*> loads(s_loads);
  const auto work = [&] { loads.fetch_add(1)->run(threads, nanoseconds); };
  for (size_t i = 0; i < threads; i++) s_workers[i].begin(work);
  for (size_t i = 0; i < threads; i++) s_workers[i].finish();
  for (size_t i = 0; i < threads; i++) s_workers[i].end();
  for (std::atomic<void*>& shared : s_shared) free(shared.exchange(nullptr));

  Found found{threads};
  for (size_t i = 0; i < threads; i++) {
    found.operations += s_loads[i].operations;
    found.spent = std::max(found.spent, s_loads[i].spent);
    found.sleeps += s_loads[i].sleeps;
  }
  return found;
}

void print(Steps& steps, const Kind& kind, const Found& found) {
  steps.row(
      kind.name,
      {Figure::number("threads", found.threads), Figure::number("operations", found.operations),
       Figure::seconds("seconds", found.spent), Figure::number("waits", found.sleeps),
       Figure::number("operations_a_second", found.operations * k_second / found.spent),
       Figure::number("waits_in_a_million", found.sleeps * 1'000'000 / found.operations)});
}

constexpr char k_help[] =
    "usage: contention [--milliseconds N] [--threads N]\n"
    "1, 2, 4 … up to N threads (16) take and free blocks for N milliseconds (50), of several "
    "sizes,\n"
    "their own or others', and prints one JSON line for each: how many, how often one waited.\n"
    "Best started by `arenite lab contention`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t milliseconds = 50;
  uint64_t most_threads = 16;
  read_arguments(argc, argv, k_program, k_help,
                 {{"--milliseconds", &milliseconds, 1, 10'000},
                  {"--threads", &most_threads, 1, k_most_threads}});
  Steps steps;
  for (const Kind& kind : k_kinds) {
    Found found[std::bit_width(k_most_threads)];
    size_t tried = 0;
    steps.run(kind.name, [&] {
      for (size_t n = 1; n <= most_threads; n *= 2)
        found[tried++] = try_kind(kind, n, milliseconds * (k_second / 1000));
    });
    for (size_t i = 0; i < tried; i++) print(steps, kind, found[i]);
  }
}
