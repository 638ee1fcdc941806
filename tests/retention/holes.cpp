// Blocks freed at random leave whole free pages between those that stay. They go back, whoever
// freed them: at once by malloc_trim, else within some seconds in which the program does next to
// nothing; what stays is as it was, and what is taken again there is whole.

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resident.hpp"

using namespace retention;

namespace {

constexpr std::size_t k_sum = sizeof(void*) == 8 ? 96_MiB : 48_MiB;

// What may be resident beside the pages of live blocks: what may be retained, headers and bits (a
// thirtieth of what there was), what lies behind the last block of a slab, and a little for the
// rest.
std::size_t allowed(const Blocks& blocks) {
  const std::size_t needed = blocks.needed();
  return needed + k_sum / 30 + needed / 8 + bound(needed) + 3_MiB;
}

void fill(Blocks& blocks, std::size_t least, std::size_t most) {
  Random random(least);
  for (std::size_t sum = 0; sum + most <= k_sum;) {
    const std::size_t size = least + random.below(most - least + 1);
    blocks.add(size);
    sum += size;
  }
}

// One in ten stays, picked at random.
void free_most(Blocks& blocks) {
  Random random(5);
  blocks.shuffle(random);
  blocks.keep_every(10);
}

// One request a second, as long as memory goes back.
void expect_that_it_goes(const Blocks& blocks, std::size_t before) {
  for (int second = 0; second < 20 && resident() > before + allowed(blocks); ++second)
    a_quiet_second();
  EXPECT_AT_MOST(resident(), before + allowed(blocks));
}

void trim_all(const Blocks& blocks, std::size_t before) {
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(resident(), before + allowed(blocks));
  EXPECT_EQ(malloc_trim(0), 0);
}

void expect_that_pages_go(std::size_t least, std::size_t most) {
  Blocks blocks(2 * k_sum / least);
  const std::size_t before = resident();
  fill(blocks, least, most);
  free_most(blocks);
  expect_that_it_goes(blocks, before);
  // What is taken between them overlaps none of them: each is looked at when it is freed.
  fill(blocks, least, most);
  blocks.remove_all();
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), before + 4_MiB);
}

void expect_that_a_trim_takes_them(std::size_t least, std::size_t most) {
  Blocks blocks(2 * k_sum / least);
  const std::size_t before = resident();
  for (int round = 0; round < 3; ++round) {
    fill(blocks, least, most);
    free_most(blocks);
    trim_all(blocks, before);
  }
  blocks.remove_all();
}

struct Shared {
  Blocks* blocks;
  pthread_barrier_t filled, freed, end;
};

// A thread takes blocks, and sleeps while others free them.
class SleepingOwner {
 public:
  explicit SleepingOwner(Blocks& blocks) {
    shared_.blocks = &blocks;
    for (pthread_barrier_t* barrier : {&shared_.filled, &shared_.end})
      pthread_barrier_init(barrier, nullptr, 2);
    EXPECT_EQ(pthread_create(
                  &thread_, nullptr,
                  [](void* argument) -> void* {
                    auto* shared = static_cast<Shared*>(argument);
                    fill(*shared->blocks, 2000, 2000);
                    pthread_barrier_wait(&shared->filled);
                    pthread_barrier_wait(&shared->end);
                    return nullptr;
                  },
                  &shared_),
              0);
    pthread_barrier_wait(&shared_.filled);
  }
  ~SleepingOwner() {
    pthread_barrier_wait(&shared_.end);
    pthread_join(thread_, nullptr);
  }
  SleepingOwner(const SleepingOwner&) = delete;
  SleepingOwner& operator=(const SleepingOwner&) = delete;

 private:
  Shared shared_{};
  pthread_t thread_{};
};

}  // namespace

CASE(pages_between_blocks_of_2000_bytes_go_back) {
  expect_that_pages_go(2000, 2000);
}

CASE(pages_between_blocks_of_4_to_8_KiB_go_back) {
  expect_that_pages_go(4_KiB, 8_KiB);
}

CASE(pages_between_blocks_of_300_bytes_go_back) {
  expect_that_pages_go(300, 300);
}

CASE(a_trim_takes_those_between_blocks_of_2000_bytes_at_once) {
  expect_that_a_trim_takes_them(2000, 2000);
}

CASE(a_trim_takes_those_between_blocks_of_4_to_8_KiB_at_once) {
  expect_that_a_trim_takes_them(4_KiB, 8_KiB);
}

// Runs of blocks stay, spread evenly, each of 64 KiB; then nothing is called any more.
CASE(they_are_gone_when_a_teardown_ends_though_nothing_is_called) {
  constexpr std::size_t k_size = 512;
  constexpr std::size_t k_run = 64_KiB / k_size;
  constexpr std::size_t k_stride = 9;
  const std::size_t count = 92_MiB / k_size;
  char** blocks = own_memory<char*>(count);
  const std::size_t before = resident();
  for (std::size_t i = 0; i < count; ++i) blocks[i] = take(k_size);
  EXPECT_AT_LEAST(resident(), before + 92_MiB);
  std::size_t needed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i / k_run % k_stride == 0) {
      needed += k_size;
    } else {
      free(blocks[i]);
    }
  }
  // What may be retained, words and headers of slabs, and of what was freed last no look knows.
  const std::size_t freed = resident();
  EXPECT_AT_MOST(freed, before + needed + bound(needed) + 92_MiB / 64 + 2_MiB);
  sleep(3);
  EXPECT_AT_MOST(resident(), freed + 64_KiB);
  for (std::size_t i = 0; i < count; ++i) {
    if (i / k_run % k_stride == 0) EXPECT_EQ(blocks[i][k_size - 1], static_cast<char>(0xa5));
  }
}

CASE(those_of_a_sleeping_thread_go_back) {
  Blocks blocks(2 * k_sum / 2000);
  const std::size_t before = resident();
  const SleepingOwner owner(blocks);
  free_most(blocks);
  expect_that_it_goes(blocks, before);
}

CASE(those_of_a_sleeping_thread_are_trimmed_and_of_one_that_has_ended) {
  Blocks blocks(2 * k_sum / 2000);
  const std::size_t before = resident();
  {
    const SleepingOwner owner(blocks);
    free_most(blocks);
    trim_all(blocks, before);
  }
  Random random(6);
  blocks.shuffle(random);
  blocks.keep_every(4);
  malloc_trim(0);
  EXPECT_AT_MOST(resident(), before + allowed(blocks));
  fill(blocks, 2000, 2000);
  blocks.remove_all();
}

CASE(both_sides_of_a_fork_have_them) {
  Blocks blocks(2 * k_sum / 2000);
  const std::size_t before = resident();
  fill(blocks, 2000, 2000);
  free_most(blocks);
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    trim_all(blocks, before);
    fill(blocks, 2000, 2000);
    blocks.remove_all();
    _exit(0);
  }
  trim_all(blocks, before);
  EXPECT_GOOD_END(child);
  const pid_t later = fork();
  if (later == 0) {
    fill(blocks, 2000, 2000);
    blocks.remove_all();
    _exit(0);
  }
  fill(blocks, 2000, 2000);
  blocks.remove_all();
  EXPECT_GOOD_END(later);
}

CASE(who_replaces_blocks_all_the_time_hardly_faults) {
  constexpr std::size_t k_blocks = 24_MiB / 2000;
  Blocks blocks(2 * k_blocks);
  Random random(9);
  while (blocks.count() < 2 * k_blocks) blocks.add(2000);
  blocks.shuffle(random);
  while (blocks.count() > k_blocks) blocks.remove_last();
  const double end = now() + 5;
  struct Faults {
    static long so_far() {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return usage.ru_minflt;
    }
  };
  const long faults = Faults::so_far();
  std::size_t replaced = 0;
  for (; now() < end; ++replaced) {
    blocks.remove(random.below(blocks.count()));
    blocks.add(2000);
  }
  // A page or two for each slab a second, at the very worst, would be 4,000.
  EXPECT_AT_MOST(static_cast<std::size_t>(Faults::so_far() - faults), replaced / 100 + 1000);
  blocks.remove_all();
}
