// fork in a program whose threads have slabs: the child may free all that it inherited, whoever's
// it was, and allocate everything anew, while the parent goes on with the same blocks.
//
// The blocks are of every size that slabs serve, taken by threads that live on, by threads that
// have ended, and by the one that forks; others keep freeing each other's all the while.

#include <malloc.h>

#include "fork_load.hpp"

using namespace fork_load;

namespace {

constexpr std::size_t k_largest = 32_KiB;
constexpr int k_owners = 3;
constexpr int k_blocks = 1500;

Parcel* blocks[k_owners + 2][k_blocks];  // of the living, then of one that ended, then our own

void fill_table(Parcel** table, std::uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < k_blocks; ++i) table[i] = pack(random, k_largest);
  // Holes, so that the slabs are in lists, and others full.
  for (int i = 0; i < k_blocks / 2; i += 3) {
    unpack(table[i]);
    table[i] = nullptr;
  }
}

bool is_whole(const Parcel* parcel) {
  return parcel == nullptr || intact(parcel + 1, parcel->size - sizeof(Parcel), parcel->seed);
}

void expect_all_whole() {
  for (const auto& table : blocks)
    for (const Parcel* parcel : table) EXPECT(is_whole(parcel));
}

void free_all() {
  for (auto& table : blocks)
    for (Parcel*& parcel : table) {
      unpack(parcel);
      parcel = nullptr;
    }
}

// Owners that fill their tables and then sleep until the end.
class Owners {
 public:
  Owners() {
    pthread_barrier_init(&filled_, nullptr, k_owners + 1);
    pthread_barrier_init(&end_, nullptr, k_owners + 1);
    for (std::uintptr_t i = 0; i < k_owners; ++i)
      EXPECT_EQ(pthread_create(&threads_[i], nullptr, own, reinterpret_cast<void*>(i)), 0);
    pthread_barrier_wait(&filled_);
    pthread_t ended;
    EXPECT_EQ(pthread_create(
                  &ended, nullptr,
                  [](void*) -> void* {
                    fill_table(blocks[k_owners], 77);
                    return nullptr;
                  },
                  nullptr),
              0);
    EXPECT_EQ(pthread_join(ended, nullptr), 0);
    fill_table(blocks[k_owners + 1], 78);
  }
  ~Owners() {
    pthread_barrier_wait(&end_);
    for (pthread_t thread : threads_) pthread_join(thread, nullptr);
  }
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;

 private:
  static void* own(void* number) {
    const auto i = reinterpret_cast<std::uintptr_t>(number);
    fill_table(blocks[i], i + 1);
    pthread_barrier_wait(&filled_);
    pthread_barrier_wait(&end_);
    return nullptr;
  }

  static inline pthread_barrier_t filled_, end_;
  pthread_t threads_[k_owners];
};

// As many blocks as were inherited, of the same sizes, none of which lies in one that is in use.
void allocate_anew() {
  constexpr int k_fresh = 2000;
  static Parcel* fresh[k_fresh];
  Random random(5);
  for (Parcel*& parcel : fresh) parcel = pack(random, k_largest);
  expect_all_whole();
  for (Parcel* parcel : fresh) unpack(parcel);
}

}  // namespace

CASE(the_child_frees_everything_it_inherited) {
  const Owners owners;
  Load load(3);
  fork_repeatedly(10, [](int) {
    free_all();
    for (auto& slot : shared) unpack(slot.exchange(nullptr));
    allocate_anew();
  });
  expect_all_whole();
  free_all();
}

CASE(the_child_allocates_beside_what_it_inherited) {
  const Owners owners;
  Load load(3);
  fork_repeatedly(10, [](int) {
    allocate_anew();
    free_all();
    allocate_anew();
  });
  expect_all_whole();
  free_all();
}

CASE(the_child_resizes_everything_it_inherited) {
  const Owners owners;
  Load load(2);
  fork_repeatedly(10, [](int i) {
    for (auto& table : blocks)
      for (Parcel*& parcel : table) {
        if (parcel == nullptr) continue;
        const std::size_t kept = parcel->size;
        parcel = static_cast<Parcel*>(realloc(parcel, kept + static_cast<std::size_t>(i) * 300));
        EXPECT(is_whole(parcel));
      }
    free_all();
  });
  free_all();
}

CASE(threads_of_the_child_free_what_it_inherited) {
  const Owners owners;
  Load load(2);
  fork_repeatedly(10, [](int) {
    pthread_t threads[k_owners + 2];
    for (std::size_t i = 0; i < k_owners + 2; ++i)
      EXPECT_EQ(pthread_create(
                    &threads[i], nullptr,
                    [](void* table) -> void* {
                      for (int n = 0; n < k_blocks; ++n) unpack(static_cast<Parcel**>(table)[n]);
                      Random random(6);
                      work(random, 500);
                      return nullptr;
                    },
                    blocks[i]),
                0);
    for (pthread_t thread : threads) pthread_join(thread, nullptr);
  });
  free_all();
}

CASE(the_parent_frees_its_blocks_while_it_forks) {
  for (int round = 0; round < 5; ++round) {
    const Owners owners;
    Load load(2);
    pthread_t freeing;
    EXPECT_EQ(pthread_create(
                  &freeing, nullptr,
                  [](void*) -> void* {
                    for (int i = 0; i < k_owners; ++i)
                      for (Parcel*& parcel : blocks[i]) unpack(parcel), parcel = nullptr;
                    return nullptr;
                  },
                  nullptr),
              0);
    fork_repeatedly(20, [](int i) {
      // Those of the ended thread and of this one: nobody else touches them.
      for (int t = k_owners; t < k_owners + 2; ++t)
        for (Parcel* parcel : blocks[t]) unpack(parcel);
      Random random(static_cast<std::uint64_t>(i));
      work(random, 200);
    });
    pthread_join(freeing, nullptr);
    expect_all_whole();
    free_all();
  }
}

CASE(what_was_freed_while_forking_is_not_lost) {
  const Owners owners;
  const std::size_t before = status_bytes("VmRSS");
  {
    Load load(2);
    fork_repeatedly(50, [](int) {});
  }
  free_all();
  malloc_trim(0);
  const std::size_t once = status_bytes("VmRSS");
  EXPECT_AT_MOST(once, before);
  for (int round = 0; round < 10; ++round) {
    {
      Load load(2);
      fork_repeatedly(50, [](int) {});
    }
    malloc_trim(0);
  }
  EXPECT_AT_MOST(status_bytes("VmRSS"), once + 8_MiB);
}

CASE(forks_between_purges_lose_no_page) {
  // Builds up and tears down all the time, so that pages are on their way to the kernel.
  static std::atomic<bool> is_over;
  is_over = false;
  pthread_t building;
  EXPECT_EQ(pthread_create(
                &building, nullptr,
                [](void*) -> void* {
                  constexpr int k_parcels = 4000;
                  static Parcel* parcels[k_parcels];
                  Random random(9);
                  while (!is_over.load()) {
                    for (Parcel*& parcel : parcels) parcel = pack(random, 2000);
                    for (Parcel* parcel : parcels) unpack(parcel);
                  }
                  return nullptr;
                },
                nullptr),
            0);
  const Owners owners;
  const std::size_t before = status_bytes("VmSize");
  fork_repeatedly(12, [](int i) {
    Random random(static_cast<std::uint64_t>(i));
    work(random, 500);
    allocate_anew();
    free_all();
    malloc_trim(0);
    allocate_anew();
  });
  is_over = true;
  pthread_join(building, nullptr);
  expect_all_whole();
  free_all();
  malloc_trim(0);
  // Whatever was lost would have been replaced by more.
  EXPECT_AT_MOST(status_bytes("VmSize"), before + 128_MiB);
}
