// Memory is not owned by whoever freed it: what sleeping and ended threads have freed goes back
// like everybody's, or is used by others.

#include <malloc.h>
#include <pthread.h>

#include "resident.hpp"
#include "threads.hpp"

using namespace retention;

namespace {

constexpr std::size_t k_threads = 16;
constexpr std::size_t k_need = 20'000'000;
constexpr std::size_t k_capacity = 50'000;

// The memory of a thread's blocks, resident before the test begins.
struct Share {
  void** blocks;
  std::size_t count;
};
Share shares[k_threads];

std::size_t before_sharing() {
  for (Share& share : shares) share = {own_memory<void*>(k_capacity), 0};
  free(take(64));
  // What the stacks of so many threads cost is not the allocator's.
  static pthread_barrier_t all;
  pthread_barrier_init(&all, nullptr, k_threads);
  pthread_t threads[k_threads];
  for (pthread_t& thread : threads)
    thread = start(
        [](void*) -> void* {
          volatile char deep[16'000];
          for (std::size_t i = 0; i < sizeof(deep); i += 1000) deep[i] = 1;
          pthread_barrier_wait(&all);
          return nullptr;
        },
        nullptr);
  for (pthread_t thread : threads) join(thread);
  return resident();
}

// 20 MB of blocks of all kinds.
void build(Share& share, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t sum = 0; sum < k_need;) {
    const std::size_t kind = random.below(20);
    const std::size_t size = kind < 15   ? 16 + random.below(2000)
                             : kind < 19 ? 2000 + random.below(30'000)
                                         : 100'000 + random.below(300'000);
    EXPECT(share.count < k_capacity);
    share.blocks[share.count++] = take(size);
    sum += size;
  }
}

void tear_down(Share& share) {
  while (share.count != 0) free(share.blocks[--share.count]);
}

pthread_barrier_t stage, end;

void set_up_barriers(unsigned count) {
  pthread_barrier_init(&stage, nullptr, count);
  pthread_barrier_init(&end, nullptr, count);
}

// What a sleeping thread may hold: caches, an arena, its stack.
constexpr std::size_t k_sleeper = 256_KiB;
// And until somebody sees that it sleeps: the slabs of blocks that wait in its magazines.
constexpr std::size_t k_magazines = 128_KiB;
// What it may hold if all blocks it took were freed by others: of each small size the slab that it
// would take the next from.
constexpr std::size_t k_sleeping_owner = 1300_KiB;

}  // namespace

CASE(many_that_tear_down_at_once_and_sleep_hold_nothing) {
  set_up_barriers(k_threads + 1);
  const std::size_t before = before_sharing();
  pthread_t threads[k_threads];
  for (std::size_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* share) -> void* {
          build(*static_cast<Share*>(share), 1);
          tear_down(*static_cast<Share*>(share));
          pthread_barrier_wait(&stage);
          pthread_barrier_wait(&end);
          return nullptr;
        },
        &shares[i]);
  pthread_barrier_wait(&stage);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB + k_threads * k_sleeper);
  pthread_barrier_wait(&end);
  for (pthread_t thread : threads) join(thread);
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

CASE(one_after_the_other_they_need_no_more_than_one) {
  set_up_barriers(k_threads + 1);
  const std::size_t before = before_sharing();
  const std::size_t others = status_bytes("VmRSS");
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  pthread_t threads[k_threads];
  for (std::size_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* share) -> void* {
          pthread_mutex_lock(&turn);
          build(*static_cast<Share*>(share), 1);
          tear_down(*static_cast<Share*>(share));
          pthread_mutex_unlock(&turn);
          pthread_barrier_wait(&stage);
          pthread_barrier_wait(&end);
          return nullptr;
        },
        &shares[i]);
  pthread_barrier_wait(&stage);
  EXPECT_AT_MOST(status_bytes("VmHWM"),
                 others + k_need / 100 * 135 + k_threads * (k_sleeper + k_magazines));
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB + k_threads * k_sleeper);
  pthread_barrier_wait(&end);
  for (pthread_t thread : threads) join(thread);
}

// As the threads of a pool that serve requests: what each keeps lies above all that it has freed.
CASE(one_after_the_other_they_may_keep_their_last_block) {
  set_up_barriers(k_threads + 1);
  const std::size_t before = before_sharing();
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  pthread_t threads[k_threads];
  for (std::size_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* share) -> void* {
          pthread_mutex_lock(&turn);
          build(*static_cast<Share*>(share), 1);
          void* last = take(600);
          tear_down(*static_cast<Share*>(share));
          pthread_mutex_unlock(&turn);
          pthread_barrier_wait(&stage);
          pthread_barrier_wait(&end);
          free(last);
          return nullptr;
        },
        &shares[i]);
  pthread_barrier_wait(&stage);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB + k_threads * k_sleeper);
  pthread_barrier_wait(&end);
  for (pthread_t thread : threads) join(thread);
}

CASE(a_thread_that_never_allocates_gives_back_what_it_frees) {
  set_up_barriers(2);
  const std::size_t before = before_sharing();
  build(shares[0], 1);
  void* last = take(600);  // above all that is freed
  const pthread_t thread = start(
      [](void* share) -> void* {
        tear_down(*static_cast<Share*>(share));
        pthread_barrier_wait(&stage);
        pthread_barrier_wait(&end);
        return nullptr;
      },
      &shares[0]);
  pthread_barrier_wait(&stage);
  EXPECT_AT_MOST(resident(), before + 4_MiB);
  pthread_barrier_wait(&end);
  join(thread);
  free(last);
}

CASE(what_sleepers_took_and_others_freed_goes_back) {
  set_up_barriers(k_threads + 1);
  const std::size_t before = before_sharing();
  pthread_t threads[k_threads];
  for (std::size_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* share) -> void* {
          build(*static_cast<Share*>(share), 1);
          pthread_barrier_wait(&stage);
          pthread_barrier_wait(&end);
          return nullptr;
        },
        &shares[i]);
  pthread_barrier_wait(&stage);
  EXPECT_AT_LEAST(resident(), before + k_threads * k_need);
  for (Share& share : shares) tear_down(share);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB + k_threads * k_sleeping_owner);
  pthread_barrier_wait(&end);
  for (pthread_t thread : threads) join(thread);
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

// Thread-specific destructors run when the library's own for the thread may have run already.
CASE(what_is_freed_while_a_thread_ends_goes_back) {
  set_up_barriers(k_threads);
  static pthread_key_t first, second;
  const auto destroy = [](void* share) {
    Share& mine = *static_cast<Share*>(share);
    const std::size_t half = mine.count / 2;
    while (mine.count > half) free(mine.blocks[--mine.count]);
    // The rest in the next round of destructors.
    if (mine.count != 0 && half > 100) {
      pthread_setspecific(second, share);
    } else {
      tear_down(mine);
    }
  };
  EXPECT_EQ(pthread_key_create(&first, destroy), 0);
  EXPECT_EQ(pthread_key_create(&second, destroy), 0);
  const std::size_t before = before_sharing();
  pthread_t threads[k_threads];
  for (std::size_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* share) -> void* {
          build(*static_cast<Share*>(share), 1);
          pthread_setspecific(first, share);
          pthread_barrier_wait(&stage);
          return nullptr;
        },
        &shares[i]);
  for (pthread_t thread : threads) join(thread);
  // There are four rounds; what they left is the test's to free.
  for (Share& share : shares) tear_down(share);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

CASE(blocks_handed_around_among_threads_go_back) {
  set_up_barriers(k_threads);
  const std::size_t before = before_sharing();
  pthread_t threads[k_threads];
  for (std::uintptr_t i = 0; i < k_threads; ++i)
    threads[i] = start(
        [](void* number) -> void* {
          const auto mine = reinterpret_cast<std::uintptr_t>(number);
          for (std::size_t round = 0; round < 3; ++round) {
            build(shares[mine], mine + 1);
            pthread_barrier_wait(&stage);
            tear_down(shares[(mine + round + 1) % k_threads]);
            pthread_barrier_wait(&stage);
          }
          return nullptr;
        },
        reinterpret_cast<void*>(i));
  for (pthread_t thread : threads) join(thread);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}
