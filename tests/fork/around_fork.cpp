// What happens to memory around a fork: blocks allocated while it goes on, contents on both sides,
// the program's own fork handlers, and the other ways to start a process.

#include <malloc.h>
#include <spawn.h>

#include <cstdio>
#include <cstring>

#include "fork_load.hpp"

using namespace fork_load;

namespace {

std::atomic<bool> stop{false};

void allocate_in_handler() {
  Random random(77);
  Parcel* parcels[8];
  for (Parcel*& parcel : parcels) parcel = pack(random, 3000);
  for (Parcel* parcel : parcels) unpack(parcel);
  free(malloc(20000));
}

int handler_calls = 0;

void make_thread_once() {
  if (handler_calls++ != 0) return;
  const auto use_memory = [](void*) -> void* {
    allocate_in_handler();
    return nullptr;
  };
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, nullptr, use_memory, nullptr), 0);
  pthread_join(thread, nullptr);
}

void register_handlers() {
  EXPECT_EQ(pthread_atfork([] { ++handler_calls, allocate_in_handler(); },
                           [] { ++handler_calls, allocate_in_handler(); },
                           [] { ++handler_calls, allocate_in_handler(); }),
            0);
}

void* freed_by_handler = nullptr;
bool still_mapped = true;

}  // namespace

// Registered before any library's constructor has run, so that this program's handler for "before"
// runs after those of all libraries, and its handlers for "after" run before theirs.
// The environment is the one handed over: libc's own is not there yet.
static void register_first(int, char**, char** variables) {
  for (; *variables != nullptr; ++variables) {
    if (strcmp(*variables, "BEHAVIOUR_HANDLERS_FIRST=1") == 0) register_handlers();
    if (strcmp(*variables, "BEHAVIOUR_HANDLER_MAKES_THREAD=1") == 0)
      EXPECT_EQ(pthread_atfork(make_thread_once, nullptr, nullptr), 0);
    if (strcmp(*variables, "BEHAVIOUR_HANDLER_FREES=1") == 0) {
      const auto prepare = [] {
        free(freed_by_handler);
        still_mapped = is_mapped(freed_by_handler);
      };
      EXPECT_EQ(pthread_atfork(prepare, nullptr, nullptr), 0);
    }
  }
}
[[gnu::section(".preinit_array"), gnu::used]] static void (*const preinit)(int, char**,
                                                                           char**) = register_first;

CASE(blocks_allocated_during_a_fork_are_freed_after_it) {
  constexpr int k_kept = 4000;
  static std::atomic<Parcel*> kept[k_kept];
  static std::atomic<int> next{0};
  pthread_t threads[3];
  for (std::uintptr_t t = 0; t < 3; ++t)
    EXPECT_EQ(pthread_create(
                  &threads[t], nullptr,
                  [](void* seed) -> void* {
                    Random random(reinterpret_cast<std::uintptr_t>(seed));
                    while (!stop) {
                      Parcel* parcel = pack(random, 3000);
                      unpack(kept[next++ % k_kept].exchange(parcel));
                    }
                    return nullptr;
                  },
                  reinterpret_cast<void*>(t)),
              0);
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (auto& slot : kept) unpack(slot.exchange(nullptr));
      _exit(0);
    }
    EXPECT_GOOD_END(child);
    for (int j = 0; j < 200; ++j) unpack(kept[j].exchange(nullptr));
  }
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  EXPECT_AT_LEAST(next, k_kept);
  for (auto& slot : kept) unpack(slot.exchange(nullptr));
}

CASE(forks_do_not_use_up_memory) {
  // Whatever serves the others while a fork goes on must be found again.
  Load load(4);
  fork_repeatedly(30, [](int) { free(malloc(100)); });
  const std::size_t before = status_bytes("VmSize");
  fork_repeatedly(150, [](int) { free(malloc(100)); });
  EXPECT_AT_MOST(status_bytes("VmSize"), before + 128_MiB);
}

CASE(parent_and_child_keep_their_own_contents) {
  constexpr std::size_t k_blocks = 300;
  static void* blocks[k_blocks];
  for (std::size_t i = 0; i < k_blocks; ++i) fill(blocks[i] = malloc(i * 20), i * 20, i);
  const pid_t child = fork();
  if (child == 0) {
    for (std::size_t i = 0; i < k_blocks; ++i) {
      EXPECT(intact(blocks[i], i * 20, i));
      fill(blocks[i], i * 20, i + 1);
      if (i % 2 == 0) free(blocks[i]);
    }
    for (std::size_t i = 1; i < k_blocks; i += 2) EXPECT(intact(blocks[i], i * 20, i + 1));
    _exit(0);
  }
  EXPECT_GOOD_END(child);
  for (std::size_t i = 0; i < k_blocks; ++i) {
    EXPECT(intact(blocks[i], i * 20, i));
    free(blocks[i]);
  }
}

CASE(parent_and_child_hand_out_the_same_addresses_apart) {
  // Both go on from one heap state; neither sees what the other allocates.
  const pid_t child = fork();
  for (int i = 0; i < 1000; ++i) {
    void* p = malloc(500);
    fill(p, 500, static_cast<std::uint64_t>(getpid() + i));
    EXPECT(intact(p, 500, static_cast<std::uint64_t>(getpid() + i)));
  }
  if (child == 0) _exit(0);
  EXPECT_GOOD_END(child);
}

CASE(fork_handlers_of_the_program_may_allocate) {
  Load load(3);
  register_handlers();
  fork_repeatedly(100, [](int) { EXPECT_AT_LEAST(handler_calls, 2); });
  EXPECT_AT_LEAST(handler_calls, 200);
}

CASE(fork_handlers_registered_before_everything_may_allocate) {
  rerun_with({"BEHAVIOUR_HANDLERS_FIRST=1"});
  Load load(4);
  fork_repeatedly(200, [](int) { EXPECT_AT_LEAST(handler_calls, 2); });
  EXPECT_AT_LEAST(handler_calls, 400);
}

// Behind the library's, which found one thread.
CASE(a_fork_handler_may_make_the_first_thread) {
  rerun_with({"BEHAVIOUR_HANDLER_MAKES_THREAD=1"});
  fork_repeatedly(1, [](int) { allocate_in_handler(); });
  EXPECT_EQ(handler_calls, 1);
  Load load(3);
  fork_repeatedly(100, [](int) { allocate_in_handler(); });
}

// It never asks for memory; the other, which made it, asks all the time.
CASE(the_first_thread_may_do_nothing_but_fork) {
  stop = false;
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  fork_repeatedly(200, [](int) { allocate_in_handler(); });
                  stop = true;
                  return nullptr;
                },
                nullptr),
            0);
  Random random(5);
  while (!stop) work(random, 50);
  pthread_join(thread, nullptr);
}

CASE(a_child_of_one_thread_may_make_many) {
  const pid_t child = fork();
  if (child == 0) {
    {
      Load load(3);
      fork_repeatedly(50, [](int) { allocate_in_handler(); });
    }
    _exit(0);
  }
  EXPECT_GOOD_END(child);
}

CASE(a_mapping_freed_while_a_fork_goes_on_is_not_kept) {
  // What it would be kept in is frozen, so that the child finds it whole.
  rerun_with({"BEHAVIOUR_HANDLER_FREES=1"});
  Load load(2);
  // Another thread may map something there before the handler looks; not each time.
  for (int i = 0; i < 20 && still_mapped; ++i) {
    freed_by_handler = malloc(40_MiB);
    EXPECT(freed_by_handler != nullptr && is_mapped(freed_by_handler));
    fork_repeatedly(1, [](int) { free(malloc(2_MiB)); });
  }
  EXPECT(!still_mapped);
}

CASE(a_thread_forks_and_its_arena_goes_on_in_the_child) {
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  Random random(1);
                  Parcel* kept[50];
                  for (Parcel*& parcel : kept) parcel = pack(random, 2000);
                  fork_repeatedly(50, [&](int) {
                    work(random, 100);
                    for (Parcel* parcel : kept) unpack(parcel);
                  });
                  for (Parcel* parcel : kept) unpack(parcel);
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
}

CASE(system_and_popen_work_under_load) {
  Load load(4);
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(system("true"), 0);
    FILE* pipe = popen("echo behaviour", "r");
    EXPECT(pipe != nullptr);
    char line[64];
    EXPECT(fgets(line, sizeof(line), pipe) != nullptr && strcmp(line, "behaviour\n") == 0);
    EXPECT_EQ(pclose(pipe), 0);
  }
}

CASE(posix_spawn_and_vfork_work_under_load) {
  Load load(4);
  for (int i = 0; i < 40; ++i) {
    char name[] = "true";
    char* arguments[] = {name, nullptr};
    char* variables[] = {nullptr};
    pid_t child = 0;
    EXPECT_EQ(posix_spawnp(&child, "true", nullptr, nullptr, arguments, variables), 0);
    EXPECT_GOOD_END(child);
    child = vfork();
    if (child == 0) {
      execve("/bin/true", arguments, variables);
      _exit(127);
    }
    EXPECT_GOOD_END(child);
  }
}
