// The scenarios in which a process stays large, and the sizes that must hold in each: those of
// bench/scenarios, whole.

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "resident.hpp"
#include "threads.hpp"

using namespace retention;

extern char** environ;

namespace {

using Map = std::map<std::uint64_t, std::uint64_t>;

constexpr std::size_t k_blocks = 300'000;
constexpr std::size_t k_size = 1000;
void** blocks;  // k_blocks of them

void take_all() {
  for (std::size_t i = 0; i < k_blocks; ++i) blocks[i] = take(k_size);
}

void free_all() {
  for (std::size_t i = 0; i < k_blocks; ++i) free(blocks[i]);
}

// On 32-bit slabs come a mebibyte at a time, and each keeps the page with its headers.
constexpr std::size_t k_tables = sizeof(void*) == 8 ? 0 : 4_MiB;

// Unoptimised code is larger, and needs more of a thread's stack.
void needs_optimised_library() {
#ifdef RETENTION_UNOPTIMISED
  cannot_try("the library's own size, where it is compiled without optimisation");
#endif
}

// How much is resident of the library's segment with code that is the `number`-th of `count`.
std::size_t resident_of_code(int number, int count) {
  static char text[256 * 1024];
  const int file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  EXPECT(file >= 0);
  std::size_t length = 0;
  while (const ssize_t got = read(file, text + length, sizeof(text) - 1 - length)) {
    EXPECT(got > 0);
    length += static_cast<std::size_t>(got);
  }
  close(file);
  text[length] = '\0';
  const char* wanted = nullptr;
  for (char* line = strtok(text, "\n"); line != nullptr; line = strtok(nullptr, "\n")) {
    if (strstr(line, "/libarenite.so") == nullptr || strstr(line, " r-xp ") == nullptr) continue;
    count--;
    if (--number == 0) wanted = line;
  }
  EXPECT_EQ(count, 0);
  EXPECT(wanted != nullptr);
  // The lines are strings now, one behind the other.
  while (strncmp(wanted, "Rss:", 4) != 0) wanted += strlen(wanted) + 1;
  return strtoul(wanted + 4, nullptr, 10) * 1024;
}

}  // namespace

CASE(a_cleared_map_leaves_nothing) {
  Map map;
  const std::size_t before = resident();
  for (std::uint64_t i = 0; i < 5'000'000; ++i) map.emplace_hint(map.end(), i, i);
  EXPECT_AT_LEAST(resident(), before + 100_MiB);
  map.clear();
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

CASE(a_map_cleared_in_another_order_than_it_was_filled_leaves_nothing) {
  Map map;
  const std::size_t before = resident();
  Random random(1);
  for (std::uint64_t i = 0; i < 600'000; ++i) map.emplace(random.next(), i);
  EXPECT_AT_LEAST(resident(), before + 12_MiB);
  map.clear();
  EXPECT_AT_MOST(resident(), before + 3_MiB);
}

CASE(one_last_byte_holds_nothing_but_itself) {
  constexpr std::size_t k_pairs = 20'480;
  char** large = own_memory<char*>(k_pairs);
  char** small = own_memory<char*>(k_pairs);
  const std::size_t before = resident();
  for (std::size_t i = 0; i < k_pairs; ++i) {
    large[i] = take(10_KiB);
    small[i] = take(1);
  }
  const std::size_t full = resident() - before;
  EXPECT_AT_LEAST(full, 200_MiB);
  for (std::size_t i = 0; i < k_pairs; ++i) free(large[i]);
  for (std::size_t i = 0; i + 1 < k_pairs; ++i) free(small[i]);
  EXPECT_AT_MOST(resident(), before + full / 50);
  EXPECT_EQ(*small[k_pairs - 1], static_cast<char>(0xa5));
}

CASE(two_threads_need_no_more_than_one_at_a_time) {
  blocks = own_memory<void*>(k_blocks);
  static pthread_barrier_t used, done;
  pthread_barrier_init(&used, nullptr, 2);
  pthread_barrier_init(&done, nullptr, 2);
  const std::size_t before = resident();
  const std::size_t others = status_bytes("VmRSS");
  const pthread_t one = start(
      [](void*) -> void* {
        take_all();
        free_all();
        pthread_barrier_wait(&used);
        pthread_barrier_wait(&done);  // asleep, with whatever its caches hold
        return nullptr;
      },
      nullptr);
  pthread_barrier_wait(&used);
  EXPECT_AT_MOST(resident(), before + 8_MiB);
  join(start(
      [](void*) -> void* {
        take_all();
        free_all();
        return nullptr;
      },
      nullptr));
  pthread_barrier_wait(&done);
  join(one);
  EXPECT_AT_MOST(resident(), before + k_tables + 4_MiB);
  EXPECT_AT_MOST(status_bytes("VmHWM") - others, k_blocks * k_size / 100 * 110);
}

CASE(what_others_free_of_a_sleeping_threads_goes_back) {
  blocks = own_memory<void*>(k_blocks);
  static pthread_barrier_t taken, done;
  pthread_barrier_init(&taken, nullptr, 2);
  pthread_barrier_init(&done, nullptr, 2);
  const std::size_t before = resident();
  const pthread_t owner = start(
      [](void*) -> void* {
        take_all();
        pthread_barrier_wait(&taken);
        pthread_barrier_wait(&done);
        return nullptr;
      },
      nullptr);
  pthread_barrier_wait(&taken);
  EXPECT_AT_LEAST(resident(), before + k_blocks * k_size);
  free_all();
  EXPECT_AT_MOST(resident(), before + 8_MiB);
  pthread_barrier_wait(&done);
  join(owner);
}

CASE(an_idle_thread_costs_little_and_one_that_has_ended_nothing) {
  needs_optimised_library();
  constexpr std::size_t k_threads = 512, k_sizes = 24;
  static pthread_barrier_t held, freeing, freed, end;
  static pthread_t threads[k_threads];
  struct Sizes {
    std::size_t held, freed, ended;
  };
  const auto run = [](void* (*body)(void*)) {
    for (pthread_barrier_t* barrier : {&held, &freeing, &freed, &end})
      pthread_barrier_init(barrier, nullptr, k_threads + 1);
    Sizes sizes;
    for (pthread_t& thread : threads) thread = start(body, nullptr);
    pthread_barrier_wait(&held);
    sizes.held = resident();
    pthread_barrier_wait(&freeing);
    pthread_barrier_wait(&freed);
    sizes.freed = resident();
    pthread_barrier_wait(&end);
    for (pthread_t thread : threads) join(thread);
    a_quiet_second();  // what the threads' pages have earned as they came and went is gone then
    sizes.ended = resident();
    return sizes;
  };
  const Sizes empty = run([](void*) -> void* {
    for (pthread_barrier_t* barrier : {&held, &freeing, &freed, &end})
      pthread_barrier_wait(barrier);
    return nullptr;
  });
  const Sizes used = run([](void*) -> void* {
    void* mine[k_sizes];
    for (std::size_t i = 0; i < k_sizes; ++i) mine[i] = take(40 * (i + 1));
    pthread_barrier_wait(&held);
    pthread_barrier_wait(&freeing);
    for (void* p : mine) free(p);
    pthread_barrier_wait(&freed);
    pthread_barrier_wait(&end);
    return nullptr;
  });
  EXPECT_AT_MOST(used.held, empty.held + k_threads * 30_KiB);
  EXPECT_AT_MOST(used.freed, empty.freed + k_threads * 30_KiB);
  EXPECT_AT_MOST(used.ended, empty.ended + k_tables / 2 + 2_MiB);
}

CASE(a_growing_buffer_is_never_there_twice) {
  constexpr std::size_t k_limit = sizeof(void*) == 8 ? 256_MiB : 128_MiB;
  const std::size_t before = resident();
  const std::size_t others = status_bytes("VmRSS");
  for (int round = 0; round < 3; ++round) {
    char* buffer = nullptr;
    std::size_t size = 0;
    while (size < k_limit) {
      const std::size_t next = std::min(k_limit, std::max<std::size_t>(4096, size + size / 2));
      buffer = static_cast<char*>(realloc(buffer, next));
      EXPECT(buffer != nullptr);
      for (std::size_t at = 0; at < size; at += 4096) EXPECT_EQ(buffer[at], char(at >> 12));
      for (std::size_t at = (size + 4095) / 4096 * 4096; at < next; at += 4096)
        buffer[at] = char(at >> 12);
      size = next;
    }
    free(buffer);
  }
  // With a copy the size before the last would count, too. What a round left for the next may stay
  // beside the buffer: an eighth of what is in use, and room of a quarter of the peak. How much of
  // that is used goes by time.
  EXPECT_AT_MOST(status_bytes("VmHWM"), others + k_limit + k_limit / 8 + k_limit / 4 + 2_MiB);
  a_quiet_second();
  EXPECT_AT_MOST(resident(), before + 2_MiB);
}

// The copy under libc's malloc is what the other is compared with.
CASE(a_program_that_does_nothing_stays_small) {
  if (getenv("RETENTION_DO_NOTHING") != nullptr) {
    free(keep(malloc(100)));
    const std::size_t size = rolled_up("Rss:");
    EXPECT_EQ(write(STDERR_FILENO, &size, sizeof(size)), sizeof(size));
    _exit(0);
  }
  if (library_is_a_stand_in()) cannot_try("compares with libc's malloc");
  needs_optimised_library();
  const auto size_of_copy = [](bool with_library) {
    static char* variables[4096];
    std::size_t count = 0;
    for (char** variable = environ; *variable != nullptr && count < 4000; ++variable) {
      const bool of_library = strncmp(*variable, "LD_PRELOAD=", 11) == 0 ||
                              strncmp(*variable, "BEHAVIOUR_LIBRARY=", 18) == 0;
      if (with_library || !of_library) variables[count++] = *variable;
    }
    variables[count++] = const_cast<char*>("RETENTION_DO_NOTHING=1");
    variables[count] = nullptr;
    char* arguments[] = {const_cast<char*>("copy"),
                         const_cast<char*>("a_program_that_does_nothing_stays_small"), nullptr};
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, variables), 0);
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_GOOD_END(child);
    std::size_t size = 0;
    EXPECT_EQ(read(ends[0], &size, sizeof(size)), sizeof(size));
    close(ends[0]);
    close(ends[1]);
    return size;
  };
  // The library is 84 KiB of that; and the kernel maps what lies around each page of libc's that is
  // touched, which differs by 100 KiB from start to start: the smallest of a few is what is needed.
  const auto smallest = [&](bool with_library) {
    std::size_t size = SIZE_MAX;
    for (int start = 0; start < 7; ++start) size = std::min(size, size_of_copy(with_library));
    return size;
  };
  EXPECT_AT_MOST(smallest(true), smallest(false) + 300_KiB);
}

// Free memory between blocks of many sizes hardly ever fits the next one, where they are few: the
// room that they need is kept, and neither given back and faulted in again nor kept for ever.
CASE(few_blocks_replaced_at_random_are_not_faulted_in_again_and_again) {
  constexpr std::size_t k_few = 50;
  constexpr int k_replacements = 20'000;
  static Blocks few(k_few);
  Random random(13);
  free(take(64));
  const std::size_t start = resident();
  std::size_t taken = 0;
  const auto size_of_one = [&] {
    // As many of each power of two.
    const std::size_t least = std::size_t{8192} << random.below(7);
    taken += least;
    return least + random.below(least);
  };
  rusage before{};
  for (int i = 0; i < k_replacements; ++i) {
    if (i == k_replacements / 4) EXPECT_EQ(getrusage(RUSAGE_SELF, &before), 0);
    if (few.count() == k_few) few.remove(random.below(k_few));
    few.add(size_of_one());  // and written, a byte in each page
  }
  rusage after{};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &after), 0);
  const auto faults = static_cast<std::size_t>(after.ru_minflt - before.ru_minflt);
  // Each page once would be all that is taken; a thirtieth of it is twenty times what is in use. On
  // 32-bit blocks of more than 512 KiB have mappings of their own, which fit less often.
  EXPECT_AT_MOST(faults, taken / 4096 / (sizeof(void*) == 8 ? 30 : 10));
  a_quiet_second();
  few.remove_all();
  a_quiet_second();
  EXPECT_AT_MOST(resident(), start + 2_MiB);
}

// cold.ld.in: of the four segments with code the first is for what all programs run. The second is
// for threads and rare kinds of requests, the third for programs that are larger, or resize blocks,
// and the fourth for what hardly any program runs.
CASE(a_small_program_with_one_thread_runs_only_what_all_do) {
  needs_optimised_library();
  if (library_is_a_stand_in()) cannot_try("looks at the library's own file");
  // To read a setting is more than all do.
  unsetenv("ARENITE_MODE");
  rerun_with({});
  static void* mixed[2000];
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    for (void*& p : mixed) {
      const std::size_t size = 1 + random.below(std::size_t{1} << random.below(12));
      p = keep(size % 2 == 0 ? malloc(size) : calloc(1, size));
    }
    for (void* p : mixed) free(p);
  }
  EXPECT_EQ(resident_of_code(2, 4), std::size_t{0});
  EXPECT_EQ(resident_of_code(3, 4), std::size_t{0});
  EXPECT_EQ(resident_of_code(4, 4), std::size_t{0});
  free(keep(aligned_alloc(64, 64)));
  EXPECT_AT_LEAST(resident_of_code(2, 4), std::size_t{4096});
  free(keep(realloc(keep(malloc(1)), 100)));
  EXPECT_AT_LEAST(resident_of_code(3, 4), std::size_t{4096});
}

CASE(a_small_program_with_threads_runs_nothing_that_larger_ones_do) {
  needs_optimised_library();
  if (library_is_a_stand_in()) cannot_try("looks at the library's own file");
  unsetenv("ARENITE_MODE");
  rerun_with({});
  static void* handed[300];
  for (int round = 0; round < 20; ++round) {
    for (void*& p : handed) p = keep(malloc(1 + static_cast<std::size_t>(&p - handed)));
    join(start(
        [](void*) -> void* {
          for (void* p : handed) free(p);
          for (void*& p : handed) p = keep(calloc(1, 2 + static_cast<std::size_t>(&p - handed)));
          return nullptr;
        },
        nullptr));
    for (void* p : handed) free(p);
  }
  EXPECT_AT_LEAST(resident_of_code(2, 4), std::size_t{4096});
  EXPECT_EQ(resident_of_code(3, 4), std::size_t{0});
  EXPECT_EQ(resident_of_code(4, 4), std::size_t{0});
}

CASE(a_larger_program_with_one_thread_runs_neither_cold_code_nor_what_threads_do) {
  needs_optimised_library();
  if (library_is_a_stand_in()) cannot_try("looks at the library's own file");
  unsetenv("ARENITE_MODE");
  rerun_with({});
  static void* blocks[80'000];
  for (int round = 0; round < 3; ++round) {
    for (void*& p : blocks) p = keep(malloc(100));
    for (void* p : blocks) free(p);
    void* buffer = nullptr;
    for (std::size_t size = 1000; size < 16_MiB; size += size / 2)
      buffer = keep(realloc(buffer, size));
    void* other = keep(calloc(1, 5_MiB));
    memset(other, 1, 5_MiB);
    free(buffer);
    free(other);
  }
  a_quiet_second();
  EXPECT_AT_LEAST(resident_of_code(3, 4), std::size_t{4096});
  EXPECT_EQ(resident_of_code(2, 4), std::size_t{0});
  EXPECT_EQ(resident_of_code(4, 4), std::size_t{0});
}

CASE(a_small_program_runs_no_cold_code) {
  if (library_is_a_stand_in()) cannot_try("looks at the library's own file");
  for (std::size_t size = 1; size <= 10'000; size += size / 2 + 1) {
    void* blocks[50];
    for (void*& p : blocks) p = keep(malloc(size));
    blocks[0] = keep(realloc(blocks[0], size + size / 2));
    for (void* p : blocks) free(p);
    free(keep(calloc(1, size)));
  }
  join(start(
      [](void*) -> void* {
        for (std::size_t size = 1; size <= 1024; size *= 2) free(keep(malloc(size)));
        return nullptr;
      },
      nullptr));
  EXPECT_EQ(resident_of_code(4, 4), std::size_t{0});
}
