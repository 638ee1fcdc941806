// A program that frees most of what it had and goes on with a few requests: what is free goes back
// within three seconds, however often they come, whatever their size, and whichever pattern of
// blocks stays. Each pattern is tried in a process of its own, all at once, since they mostly
// sleep.

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "arenite/arenite.h"
#include "resident.hpp"

extern "C" [[gnu::weak]] int arenite_stats(arenite_statistics* out, std::size_t size);

using namespace retention;

namespace {

constexpr std::size_t k_block = 500;
constexpr std::size_t k_blocks = 60'000;
constexpr double k_promised = 3;
// A busy machine may be late, and a slow program's last request is up to a second ago.
constexpr double k_patience = 2;
constexpr std::size_t k_fast = 0;  // as fast as it can

struct Pattern {
  std::size_t rate;    // pairs of malloc and free a second
  std::size_t size;    // of their blocks
  std::size_t stride;  // every so many blocks one stays
  std::size_t threads = 1;
};

std::size_t allowed(std::size_t before, const Blocks& blocks) {
  const std::size_t needed = blocks.needed();
  return before + needed + bound(needed) + k_block * k_blocks / 30 + 1_MiB;
}

// Pairs, evenly spread.
class Traffic {
 public:
  explicit Traffic(const Pattern& pattern) : pattern_(pattern), start_(now()) {}

  double seconds() const { return now() - start_; }
  // Goes on until so many seconds after its start.
  void until(double end) {
    for (double time = seconds(); time < end; time = seconds()) {
      if (pattern_.rate == k_fast) {
        for (int i = 0; i < 10'000; ++i) free(keep(malloc(pattern_.size)));
        continue;
      }
      const auto rate = static_cast<double>(pattern_.rate);
      for (; static_cast<double>(done_) < time * rate; ++done_) free(keep(malloc(pattern_.size)));
      rest(std::min({0.02, 1 / rate, end - time}));
    }
  }

 private:
  Pattern pattern_;
  double start_;
  std::size_t done_ = 0;
};

// Whether what is free has gone in time, while requests come so.
bool goes_back(const Pattern& pattern, std::size_t before, const Blocks& blocks) {
  constexpr double k_longest = k_promised + k_patience;
  pthread_t threads[8];
  for (std::size_t i = 1; i < pattern.threads; ++i)
    EXPECT_EQ(pthread_create(
                  &threads[i], nullptr,
                  [](void* other) -> void* {
                    Traffic(*static_cast<const Pattern*>(other)).until(k_longest);
                    return nullptr;
                  },
                  const_cast<Pattern*>(&pattern)),
              0);
  const std::size_t most = allowed(before, blocks);
  Traffic traffic(pattern);
  while (resident() > most && traffic.seconds() < k_longest) traffic.until(traffic.seconds() + 0.2);
  const std::size_t left = resident();
  for (std::size_t i = 1; i < pattern.threads; ++i) pthread_join(threads[i], nullptr);
  if (left <= most) return true;
  fprintf(stderr, "%zu requests a second of %zu bytes, %zu threads, every %zuth block stays: ",
          pattern.rate, pattern.size, pattern.threads, pattern.stride);
  fprintf(stderr, "%zu KiB resident, %zu allowed\n", left / 1024, most / 1024);
  return false;
}

void build(Blocks& blocks) {
  while (blocks.count() < k_blocks) blocks.add(k_block);
}

bool tear_down_and_go_on(const Pattern& pattern) {
  Blocks blocks(k_blocks);
  const std::size_t before = resident();
  build(blocks);
  EXPECT_AT_LEAST(resident(), before + k_block * k_blocks);
  blocks.keep_every(pattern.stride);
  return goes_back(pattern, before, blocks);
}

// Where they come fast few look, and the next may be a moment off.
bool tear_down_and_slow_down(const Pattern& pattern) {
  Blocks blocks(k_blocks);
  const std::size_t before = resident();
  build(blocks);
  blocks.keep_every(pattern.stride);
  Pattern fast = pattern;
  fast.rate = k_fast;
  Traffic(fast).until(0.05);
  return goes_back(pattern, before, blocks);
}

// Nothing was free for seconds when most of it goes, and no slab comes to be empty: nobody looks
// any more, and has to be told.
bool tear_down_after_seconds_and_go_on(const Pattern& pattern) {
  Blocks blocks(k_blocks);
  const std::size_t before = resident();
  build(blocks);
  Traffic(pattern).until(4);
  blocks.keep_every(pattern.stride);
  return goes_back(pattern, before, blocks);
}

// What stays has long been with free blocks beside it when the rest goes: no slab changes its
// place.
bool tear_down_in_two_parts_and_go_on(const Pattern& pattern) {
  Blocks blocks(k_blocks);
  const std::size_t before = resident();
  build(blocks);
  blocks.keep_every(2);
  Traffic(pattern).until(k_promised);
  blocks.keep_every(pattern.stride / 2);
  return goes_back(pattern, before, blocks);
}

// Seconds of traffic that takes up again and again what was given back, then a few requests.
bool replace_at_random_and_go_on(const Pattern& pattern) {
  Blocks blocks(k_blocks);
  const std::size_t before = resident();
  build(blocks);
  Random random(pattern.stride);
  blocks.shuffle(random);
  for (const double end = now() + 4; now() < end;) {
    const std::size_t aim = k_blocks / 2 + random.below(k_blocks / 2);
    while (blocks.count() > aim) blocks.remove(random.below(blocks.count()));
    while (blocks.count() < aim) blocks.add(1 + random.size(4 * k_block));
    rest(0.1);
  }
  blocks.shuffle(random);
  blocks.keep_every(pattern.stride);
  return goes_back(pattern, before, blocks);
}

// All of them at once.
template <std::size_t count>
void expect_all(bool (*holds)(const Pattern&), const Pattern (&patterns)[count]) {
  pid_t children[count];
  for (std::size_t i = 0; i < count; ++i) {
    children[i] = fork();
    EXPECT(children[i] >= 0);
    if (children[i] == 0) _exit(holds(patterns[i]) ? 0 : 1);
  }
  for (const pid_t child : children) EXPECT_GOOD_END(child);
}

}  // namespace

CASE(small_requests_from_one_a_second_on) {
  constexpr Pattern k_patterns[] = {
      {1, 10, 32},    {2, 10, 32},      {10, 10, 32}, {50, 10, 32}, {200, 10, 32},
      {1000, 10, 32}, {20'000, 10, 32}, {1, 10, 10},  {30, 10, 10}, {5000, 10, 10},
  };
  expect_all(tear_down_and_go_on, k_patterns);
}

CASE(requests_of_other_sizes) {
  constexpr Pattern k_patterns[] = {
      {1, 500, 32},     {200, 500, 32},  {20'000, 500, 10}, {1, 5000, 32},    {150, 5000, 10},
      {5000, 5000, 32}, {1, 30'000, 32}, {300, 30'000, 10}, {2, 300'000, 32},
  };
  expect_all(tear_down_and_go_on, k_patterns);
}

CASE(requests_as_fast_as_they_can_come) {
  constexpr Pattern k_patterns[] = {{k_fast, 10, 32}, {k_fast, 500, 32}};
  expect_all(tear_down_and_go_on, k_patterns);
}

CASE(requests_as_fast_as_they_can_come_then_a_few) {
  constexpr Pattern k_patterns[] = {{5, 10, 32}, {5, 500, 32}, {5, 100, 10},
                                    {5, 30, 10}, {10, 10, 32}, {50, 10, 32}};
  expect_all(tear_down_and_slow_down, k_patterns);
}

CASE(requests_of_several_threads) {
  constexpr Pattern k_patterns[] = {{1, 10, 32, 4}, {200, 500, 32, 4}, {3000, 100, 10, 4}};
  expect_all(tear_down_and_go_on, k_patterns);
}

CASE(what_is_freed_after_seconds) {
  constexpr Pattern k_patterns[] = {{1, 10, 32}, {100, 10, 32}, {2000, 500, 32}};
  expect_all(tear_down_after_seconds_and_go_on, k_patterns);
}

CASE(what_is_freed_in_two_parts) {
  constexpr Pattern k_patterns[] = {{1, 10, 32}, {40, 10, 64}, {2000, 500, 32}};
  expect_all(tear_down_in_two_parts_and_go_on, k_patterns);
}

CASE(what_random_traffic_leaves) {
  constexpr Pattern k_patterns[] = {{1, 10, 64}, {100, 10, 100}, {4000, 500, 64}};
  expect_all(replace_at_random_and_go_on, k_patterns);
}

// No request pays for all of it: in a large heap with many holes none takes much longer than it
// would without. Processor time of this thread, so that others do not count; but the kernel's
// interrupts do.
CASE(no_request_takes_a_millisecond) {
  constexpr std::size_t k_live = sizeof(void*) == 8 ? 384_MiB : 96_MiB;
  constexpr std::size_t k_count = k_live / 200;
  char** blocks = own_memory<char*>(k_count);
  Random random(1);
  const auto draw = [&] { return take(16 + random.below(369)); };
  const auto seconds = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  for (std::size_t i = 0; i < k_count; ++i) blocks[i] = draw();
  for (std::size_t i = 0; i < k_count; ++i) {
    if (random.below(3) != 0 && (i > k_count / 4 || random.below(30) != 0)) continue;
    free(blocks[i]);
    blocks[i] = nullptr;
  }
  double longest = 1;
  for (int attempt = 0; attempt < 3 && longest > 1e-3; ++attempt) {
    longest = 0;
    const double end = now() + 2.5;
    for (std::size_t n = 0; now() < end; ++n) {
      char*& block = blocks[random.below(k_count)];
      const double start = seconds();
      if (block != nullptr) {
        free(block);
        block = nullptr;
      } else {
        block = static_cast<char*>(keep(malloc(16 + random.below(369))));
      }
      longest = std::max(longest, seconds() - start);
      if (n % 500 == 0) rest(0.001);
    }
  }
  EXPECT_AT_MOST(static_cast<std::size_t>(longest * 1e6), 1000);
}

// Whole free pages inside slabs are no secret until they go.
CASE(what_is_free_inside_slabs_is_told) {
  if (arenite_stats == nullptr) cannot_try("the library has no statistics");
  Blocks blocks(k_blocks);
  build(blocks);
  blocks.keep_every(32);
  arenite_statistics most{};
  for (int i = 0; i < 60; ++i) {
    arenite_statistics figures;
    EXPECT_EQ(arenite_stats(&figures, sizeof(figures)), 0);
    EXPECT_AT_MOST(figures.free_in_slabs, figures.live);
    if (figures.free_in_slabs > most.free_in_slabs) most = figures;
    rest(0.05);
  }
  EXPECT_AT_LEAST(most.free_in_slabs, 5 * k_block * k_blocks / 10);
}
