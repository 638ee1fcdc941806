// Requests from a thread that is ending: destructors of thread_local objects, destructors of
// thread-specific data in every round that POSIX allows (the allocator's own may have run long
// before), cleanup handlers of cancelled threads, detached threads. What is made there outlives the
// thread and must be intact, and anybody may free it.

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr int k_threads = 24;
constexpr int k_rounds = PTHREAD_DESTRUCTOR_ITERATIONS;
constexpr std::size_t k_left_behind = 700;

struct Ledger {
  std::array<void*, k_rounds> left{};
  int round = 0;
};

// Runs when a thread ends, and asks to be run again until no further round is allowed.
void allocate_again(pthread_key_t key, void* value) {
  auto* ledger = static_cast<Ledger*>(value);
  EXPECT(ledger->round < k_rounds);
  void* transient[40];
  for (std::size_t i = 0; i < 40; ++i) {
    const std::size_t size = 24 + i * i * 120;
    transient[i] = malloc(size);
    fill(transient[i], size, i);
  }
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT(intact(transient[i], 24 + i * i * 120, i));
    if (i % 2 == 0) free(transient[i]);
  }
  for (std::size_t i = 1; i < 40; i += 2) free(transient[i]);
  void* block = malloc(k_left_behind);
  fill(block, k_left_behind, static_cast<std::uint64_t>(ledger->round));
  ledger->left[static_cast<std::size_t>(ledger->round++)] = block;
  EXPECT_EQ(pthread_setspecific(key, ledger), 0);
}

constinit pthread_key_t first_key = 0;
constinit bool has_first_key = false;
constinit pthread_key_t later_key = 0;

// Before the allocator can have made a key of its own: this one's destructor runs before that
// one's.
void make_first_key(int, char**, char**) {
  has_first_key =
      pthread_key_create(&first_key, [](void* value) { allocate_again(first_key, value); }) == 0;
}
[[gnu::used,
  gnu::section(".preinit_array")]] void (*const k_preinit_entry)(int, char**,
                                                                 char**) = make_first_key;

void run_threads_with_key(pthread_key_t key) {
  std::array<Ledger, k_threads> ledgers;
  std::vector<std::thread> threads;
  for (Ledger& ledger : ledgers) {
    threads.emplace_back([&ledger, key] {
      EXPECT_EQ(pthread_setspecific(key, &ledger), 0);
      free(keep(malloc(50)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Ledger& ledger : ledgers) {
    EXPECT_EQ(ledger.round, k_rounds);
    for (int round = 0; round < k_rounds; ++round) {
      void* block = ledger.left[static_cast<std::size_t>(round)];
      EXPECT(intact(block, k_left_behind, static_cast<std::uint64_t>(round)));
      free(block);
    }
  }
}

constinit std::atomic<int> destroyed_chains{0};

// A thread_local object that allocates and frees while it is destroyed, and brings another
// thread_local object to life at that moment.
template <int which>
struct Chain {
  std::vector<std::unique_ptr<int[]>> content;

  void grow(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) content.emplace_back(new int[i * 7 + 1]{42});
  }
  ~Chain() {
    grow(60);
    for (const auto& numbers : content) EXPECT_EQ(numbers[0], 42);
    static thread_local std::unique_ptr<std::vector<long>> born_late;
    born_late = std::make_unique<std::vector<long>>(3000, 1L);
    ++destroyed_chains;
  }
};

void run_threads_with_chains() {
  std::vector<std::thread> threads;
  for (int i = 0; i < k_threads; ++i) {
    threads.emplace_back([] {
      static thread_local Chain<1> first;
      static thread_local Chain<2> second;
      first.grow(100);
      second.grow(3);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

CASE(key_destructors_allocate_in_every_round_before_ours) {
  EXPECT(has_first_key);
  run_threads_with_key(first_key);
}

CASE(key_destructors_allocate_in_every_round_after_ours) {
  free(keep(malloc(1)));
  // Many keys in between: libc keeps those above the 32nd in a table that it allocates for the
  // thread.
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pthread_key_create(&later_key, [](void* p) { allocate_again(later_key, p); }), 0);
  }
  run_threads_with_key(later_key);
}

CASE(a_thread_whose_first_request_is_in_a_destructor) {
  std::array<Ledger, k_threads> ledgers;
  for (Ledger& ledger : ledgers) {
    pthread_t thread;
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void* value) -> void* {
                    EXPECT_EQ(pthread_setspecific(first_key, value), 0);
                    return nullptr;
                  },
                  &ledger),
              0);
    EXPECT_EQ(pthread_join(thread, nullptr), 0);
    EXPECT_EQ(ledger.round, k_rounds);
    for (void* block : ledger.left) free(block);
  }
}

CASE(thread_local_objects_allocate_and_free_in_their_destructors) {
  run_threads_with_chains();
  EXPECT_EQ(destroyed_chains, 2 * k_threads);
}

CASE(cancelled_threads_clean_up) {
  static std::atomic<int> waiting{0};
  static std::atomic<int> cleaned{0};
  std::vector<pthread_t> threads(k_threads);
  for (pthread_t& thread : threads) {
    const auto body = [](void*) -> void* {
      struct Cleanup {
        char* kept = static_cast<char*>(malloc(10'000));
        ~Cleanup() {
          EXPECT(intact(kept, 10'000, 5));
          free(kept);
          free(keep(malloc(200)));
          ++cleaned;
        }
      } cleanup;
      fill(cleanup.kept, 10'000, 5);
      ++waiting;
      for (;;) {  // malloc and free are no cancellation points: the thread ends in
                  // pthread_testcancel
        free(keep(malloc(123)));
        pthread_testcancel();
      }
    };
    EXPECT_EQ(pthread_create(&thread, nullptr, body, nullptr), 0);
  }
  while (waiting < k_threads) usleep(1000);
  for (pthread_t thread : threads) EXPECT_EQ(pthread_cancel(thread), 0);
  for (pthread_t thread : threads) {
    void* result = nullptr;
    EXPECT_EQ(pthread_join(thread, &result), 0);
    EXPECT(result == PTHREAD_CANCELED);
  }
  EXPECT_EQ(cleaned, k_threads);
}

CASE(detached_threads_leave_their_blocks_to_others) {
  constexpr std::size_t k_slots = 100;
  static std::array<std::atomic<void*>, k_slots> slots;
  for (std::size_t i = 0; i < k_slots; ++i) {
    std::thread([i] {
      void* block = malloc(100 + i * 900);
      fill(block, 100 + i * 900, i);
      slots[i] = block;
    }).detach();
  }
  for (std::size_t i = 0; i < k_slots; ++i) {
    while (slots[i] == nullptr) usleep(500);
    EXPECT(intact(slots[i], 100 + i * 900, i));
    free(slots[i]);
  }
}
