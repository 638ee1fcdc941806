// Threads that keep the allocator busy while others fork.
//
// Load is a group of threads that allocate, fill, verify and free, partly blocks of each other,
// until the group is stopped. What a forked child finds in the shared slots was allocated by
// threads that do not exist in it.

#pragma once

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

namespace fork_load {

using namespace behaviour;

// A block that says itself how long it is, so that whoever finds it can verify it.
struct Parcel {
  std::size_t size;
  std::uint64_t seed;
};

inline Parcel* pack(Random& random, std::size_t largest) {
  const std::size_t size = sizeof(Parcel) + random.size(largest);
  auto* parcel = static_cast<Parcel*>(malloc(size));
  EXPECT(parcel != nullptr);
  parcel->size = size;
  parcel->seed = random.next();
  fill(parcel + 1, size - sizeof(Parcel), parcel->seed);
  return parcel;
}

inline void unpack(Parcel* parcel) {
  if (parcel == nullptr) return;
  EXPECT(intact(parcel + 1, parcel->size - sizeof(Parcel), parcel->seed));
  free(parcel);
}

constexpr int k_shared_slots = 256;
inline std::atomic<Parcel*> shared[k_shared_slots];

// Allocates and frees for a while, taking over blocks that others left in the shared slots.
inline void work(Random& random, int steps) {
  Parcel* own[32] = {};
  for (int i = 0; i < steps; ++i) {
    Parcel*& slot = own[random.below(32)];
    unpack(slot);
    // Small ones of slabs, middle ones that threads keep, and a few that are mapped.
    const std::size_t kind = random.below(300);
    slot = pack(random, kind == 0 ? 300000 : kind < 60 ? 32768 : 2000);
    if (random.below(4) == 0)
      slot = shared[random.below(k_shared_slots)].exchange(slot, std::memory_order_acq_rel);
  }
  for (Parcel* parcel : own) unpack(parcel);
}

class Load {
 public:
  explicit Load(int threads) : count_(threads) {
    stop_ = false;
    for (int i = 0; i < count_; ++i)
      EXPECT_EQ(pthread_create(&threads_[i], nullptr, run, reinterpret_cast<void*>(i + 1L)), 0);
  }
  ~Load() {
    stop_ = true;
    for (int i = 0; i < count_; ++i) pthread_join(threads_[i], nullptr);
    for (auto& slot : shared) unpack(slot.exchange(nullptr));
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

 private:
  static void* run(void* seed) {
    Random random(reinterpret_cast<std::uintptr_t>(seed));
    while (!stop_.load(std::memory_order_relaxed)) work(random, 50);
    return nullptr;
  }

  static inline std::atomic<bool> stop_{false};
  pthread_t threads_[16];
  int count_;
};

// Forks `times` times; each child runs the body and must end well.
template <typename Body>
void fork_repeatedly(int times, Body body) {
  for (int i = 0; i < times; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      body(i);
      _exit(0);
    }
    EXPECT_GOOD_END(child);
  }
}

}  // namespace fork_load
