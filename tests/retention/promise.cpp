// The promise itself, held to random programs. After every thousand operations the pages in which
// live blocks lie are counted; what is resident beyond them is free memory, tables and figures, and
// of that only so much may be there:
//
//   where a program only frees, or has rested for a second   max(1 MiB, live/8)
//   where it also allocates                                   as much more as its need was larger a
//                                                             moment ago: what it used it may keep;
//                                                             and a quarter of that if mappings
//                                                             are among it: room between them
//
// The count goes by pages and blocks, not by sizes: however the frees scatter over the pages, what
// is a whole free page must be able to go.

#include <malloc.h>
#include <pthread.h>

#include <new>

#include "resident.hpp"

using namespace retention;

namespace {

// Tables and figures of the allocator, a thirtieth of what is in use, and what is in nobody's
// count: a page at the edge of a free range, the first blocks of a thread, what was needed between
// two checks.
constexpr std::size_t slack(std::size_t needed) {
  return needed / 20 + 4_MiB;
}

struct Sizes {
  std::size_t smallest;
  std::size_t largest;
};

std::size_t draw(Random& random, Sizes sizes) {
  return sizes.smallest + random.size(sizes.largest - sizes.smallest);
}

class Watch {
 public:
  Watch() : before_(resident()) {}

  // Nothing was allocated since the need was largest, so nothing can have earned to be kept.
  void expect_bound(const Blocks& blocks) const {
    const std::size_t needed = blocks.needed();
    EXPECT_AT_MOST(resident(), before_ + needed + bound(needed) + slack(needed));
  }

  // What was needed within the last two seconds may still be there, and this part of it as room.
  void expect_no_more_than_lately(const Blocks& blocks, double room) {
    const double time = now();
    const std::size_t needed = blocks.needed();
    for (Peak& peak : peaks_) {
      if (peak.bytes <= needed || peak.time < time - 2) peak = {time, 0};
    }
    peaks_[next_++ % k_peaks] = {time, needed};
    std::size_t most = needed;
    for (const Peak& peak : peaks_) most = std::max(most, peak.bytes);
    const auto with_room = most + static_cast<std::size_t>(static_cast<double>(most) * room);
    EXPECT_AT_MOST(resident(), before_ + with_room + bound(needed) + slack(most));
  }

 private:
  struct Peak {
    double time;
    std::size_t bytes;
  };
  static constexpr std::size_t k_peaks = 4000;  // more than there are checks
  std::size_t before_;
  Peak peaks_[k_peaks] = {};
  std::size_t next_ = 0;
};

// Builds up, then frees in random order.
void only_free(Sizes sizes, std::size_t need) {
  static Blocks blocks(400'000);
  free(take(64));
  Watch watch;
  Random random(1);
  std::size_t sum = 0;
  while (sum < need) {
    const std::size_t size = draw(random, sizes);
    blocks.add(size);
    sum += size;
  }
  blocks.shuffle(random);
  const std::size_t step = std::max<std::size_t>(1, blocks.count() / 40);
  while (blocks.count() != 0) {
    for (std::size_t i = 0; i < step && blocks.count() != 0; ++i) blocks.remove_last();
    watch.expect_bound(blocks);
  }
}

// Takes and frees at random, around a need that wanders up and down.
void take_and_free(Sizes sizes, std::size_t most, int steps, double room = 0) {
  static Blocks blocks(400'000);
  free(take(64));
  static Watch watch;
  Random random(2);
  std::size_t sum = 0;
  std::size_t aim = most;
  for (int step = 0; step < steps; ++step) {
    if (step % 12 == 0) aim = most / 16 + random.below(most);
    for (int operation = 0; operation < 1000; ++operation) {
      const bool grows = sum < aim ? random.below(4) != 0 : random.below(4) == 0;
      if (grows || blocks.count() == 0) {
        const std::size_t size = draw(random, sizes);
        switch (random.below(8)) {
          case 0:
            blocks.add_zeroed(size);
            break;
          case 1:
            blocks.add_aligned(std::size_t{16} << random.below(9), size);
            break;
          default:
            blocks.add(size);
        }
        sum += size;
      } else {
        const std::size_t i = random.below(blocks.count());
        sum -= blocks.size(i);
        if (random.below(8) == 0) {
          const std::size_t size = draw(random, sizes);
          blocks.resize(i, size);
          sum += size;
        } else {
          blocks.remove(i);
        }
      }
    }
    watch.expect_no_more_than_lately(blocks, room);
    if (step % 60 == 59) {
      a_quiet_second();
      watch.expect_bound(blocks);
    }
  }
  blocks.remove_all();
  a_quiet_second();
  watch.expect_bound(blocks);
}

constexpr Sizes k_small{1, 2000};
constexpr Sizes k_up_to_8_KiB{1, 8000};
constexpr Sizes k_chunks{9000, 120'000};
constexpr Sizes k_mapped{150'000, 4'000'000};
constexpr Sizes k_all{1, 1'000'000};
constexpr double k_room = 0.25;

}  // namespace

CASE(a_program_that_only_frees_chunks) {
  only_free(k_chunks, 128_MiB);
}

CASE(a_program_that_only_frees_mappings) {
  only_free(k_mapped, 256_MiB);
}

CASE(a_program_that_only_frees_blocks_of_all_sizes) {
  only_free(k_all, 256_MiB);
}

CASE(a_program_of_small_blocks) {
  take_and_free(k_small, 24_MiB, 180);
}

CASE(a_program_of_blocks_up_to_8_KiB) {
  take_and_free(k_up_to_8_KiB, 48_MiB, 180);
}

CASE(a_program_of_chunks) {
  take_and_free(k_chunks, 96_MiB, 120);
}

CASE(a_program_of_mappings) {
  take_and_free(k_mapped, 128_MiB, 12, k_room);
}

CASE(a_program_of_blocks_of_all_sizes) {
  take_and_free(k_all, 96_MiB, 60, k_room);
}

CASE(a_program_of_four_threads) {
  constexpr std::size_t k_threads = 4;
  static Blocks* all[k_threads];
  static pthread_barrier_t pause, go;
  pthread_barrier_init(&pause, nullptr, k_threads + 1);
  pthread_barrier_init(&go, nullptr, k_threads + 1);
  constexpr int k_rounds = 4;
  free(take(64));
  static unsigned char memory[k_threads][sizeof(Blocks)];
  for (std::size_t i = 0; i < k_threads; ++i) all[i] = new (memory[i]) Blocks(60'000);
  const std::size_t before = resident();
  pthread_t threads[k_threads];
  for (std::uintptr_t i = 0; i < k_threads; ++i)
    EXPECT_EQ(pthread_create(
                  &threads[i], nullptr,
                  [](void* number) -> void* {
                    const auto mine = reinterpret_cast<std::uintptr_t>(number);
                    Random random(mine + 1);
                    for (std::size_t round = 0; round < k_rounds; ++round) {
                      Blocks& blocks = *all[mine];
                      std::size_t sum = 0;
                      while (sum < 20'000'000) {
                        const std::size_t size = draw(random, k_all);
                        blocks.add(size);
                        sum += size;
                        if (random.below(3) == 0) blocks.remove(random.below(blocks.count()));
                      }
                      pthread_barrier_wait(&pause);
                      pthread_barrier_wait(&go);
                      // What another thread took is freed at random, all but a part.
                      Blocks& others = *all[(mine + 1) % k_threads];
                      others.shuffle(random);
                      others.keep_every(7);
                      pthread_barrier_wait(&pause);
                      pthread_barrier_wait(&go);
                    }
                    return nullptr;
                  },
                  reinterpret_cast<void*>(i)),
              0);
  for (int round = 0; round < 2 * k_rounds; ++round) {
    pthread_barrier_wait(&pause);
    if (round % 2 == 1) {
      a_quiet_second();
      std::size_t needed = 0;
      for (const Blocks* blocks : all) needed += blocks->needed();
      EXPECT_AT_MOST(resident(), before + needed + bound(needed) + slack(needed) + 1_MiB);
    }
    pthread_barrier_wait(&go);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  for (Blocks* blocks : all) blocks->remove_all();
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + bound(0) + slack(0));
}
