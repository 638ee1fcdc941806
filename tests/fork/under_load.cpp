// fork in a program whose other threads allocate and free all the while: the child may allocate and
// free at once, and so may everybody else.

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

#include "fork_load.hpp"

using namespace fork_load;

CASE(the_child_allocates_and_frees_at_once) {
  Load load(4);
  fork_repeatedly(200, [](int i) {
    Random random(static_cast<std::uint64_t>(i));
    work(random, 100);
  });
}

CASE(the_child_frees_what_vanished_threads_allocated) {
  Load load(4);
  fork_repeatedly(120, [](int i) {
    for (auto& slot : shared) unpack(slot.exchange(nullptr));
    Random random(static_cast<std::uint64_t>(i));
    work(random, 50);
  });
}

CASE(the_child_resizes_what_vanished_threads_allocated) {
  Load load(3);
  fork_repeatedly(100, [](int) {
    for (auto& slot : shared) {
      Parcel* parcel = slot.exchange(nullptr);
      if (parcel == nullptr) continue;
      parcel = static_cast<Parcel*>(realloc(parcel, parcel->size + 10000));
      EXPECT(parcel != nullptr);
      unpack(parcel);
    }
  });
}

CASE(a_large_block_is_the_child_s_first_request) {
  Load load(4);
  fork_repeatedly(150, [](int i) {
    void* mapped = malloc(1_MiB);
    void* sorted = malloc(60000);  // consolidates, walks bins, moves the top
    EXPECT(mapped != nullptr && sorted != nullptr);
    if (i % 2 == 0) malloc_trim(0);
    free(sorted);
    free(mapped);
  });
}

CASE(statistics_work_in_the_child) {
  Load load(4);
  fork_repeatedly(100, [](int) {
    const auto info = mallinfo2();
    EXPECT_EQ(info.arena, info.uordblks + info.fordblks);
    FILE* out = fopen("/dev/null", "w");
    EXPECT(out != nullptr);
    EXPECT_EQ(malloc_info(0, out), 0);
    fclose(out);
    EXPECT_EQ(mallopt(M_TOP_PAD, 64 * 1024), 1);
  });
}

CASE(the_child_exits_through_its_handlers) {
  Load load(4);
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      atexit([] {
        Random random(9);
        work(random, 50);
      });
      exit(0);
    }
    EXPECT_GOOD_END(child);
  }
}

CASE(the_child_starts_threads_of_its_own) {
  Load load(3);
  fork_repeatedly(60, [](int i) {
    Load child_load(3);
    Random random(static_cast<std::uint64_t>(i));
    work(random, 500);
  });
}

CASE(arenas_do_not_multiply_in_the_child) {
  // The arenas of threads that vanished are free for the child's own.
  Load load(4);
  usleep(20000);
  fork_repeatedly(20, [](int) {
    const int arenas = count_arenas();
    for (int round = 0; round < 5; ++round) Load child_load(3);
    EXPECT_AT_MOST(count_arenas(), arenas + 2);
  });
}

CASE(children_of_children) {
  Load load(3);
  fork_repeatedly(25, [](int) {
    Random random(1);
    work(random, 50);
    fork_repeatedly(2, [](int) {
      Random inner(2);
      work(inner, 50);
      fork_repeatedly(2, [](int) {
        Random innermost(3);
        work(innermost, 50);
      });
      work(inner, 50);
    });
    work(random, 50);
  });
}

CASE(children_of_children_with_threads) {
  Load load(2);
  fork_repeatedly(20, [](int) {
    Load child_load(2);
    fork_repeatedly(5, [](int) {
      for (auto& slot : shared) unpack(slot.exchange(nullptr));
      Random random(3);
      work(random, 100);
    });
  });
}

CASE(several_threads_fork_at_once) {
  Load load(2);
  pthread_t threads[4];
  for (std::uintptr_t t = 0; t < 4; ++t)
    EXPECT_EQ(pthread_create(
                  &threads[t], nullptr,
                  [](void* seed) -> void* {
                    Random random(reinterpret_cast<std::uintptr_t>(seed) + 100);
                    for (int i = 0; i < 60; ++i) {
                      const pid_t child = fork();
                      if (child == 0) {
                        work(random, 100);
                        _exit(0);
                      }
                      work(random, 20);
                      EXPECT_GOOD_END(child);
                    }
                    return nullptr;
                  },
                  reinterpret_cast<void*>(t)),
              0);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

CASE(threads_come_and_go_while_others_fork) {
  static std::atomic<bool> stop{false};
  pthread_t makers[2];
  for (std::uintptr_t t = 0; t < 2; ++t)
    EXPECT_EQ(pthread_create(
                  &makers[t], nullptr,
                  [](void*) -> void* {
                    while (!stop) {
                      pthread_t short_lived[4];
                      for (pthread_t& thread : short_lived)
                        EXPECT_EQ(pthread_create(
                                      &thread, nullptr,
                                      [](void* seed) -> void* {
                                        Random random(reinterpret_cast<std::uintptr_t>(seed));
                                        work(random, 20);
                                        return nullptr;
                                      },
                                      short_lived),
                                  0);
                      for (pthread_t thread : short_lived) pthread_join(thread, nullptr);
                    }
                    return nullptr;
                  },
                  nullptr),
              0);
  fork_repeatedly(300, [](int i) {
    Random random(static_cast<std::uint64_t>(i));
    work(random, 60);
  });
  stop = true;
  for (pthread_t maker : makers) pthread_join(maker, nullptr);
  for (auto& slot : shared) unpack(slot.exchange(nullptr));
}
