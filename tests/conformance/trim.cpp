// malloc_trim gives back all that is free, whoever freed it, and says truthfully whether it did.

#include <malloc.h>
#include <pthread.h>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

constexpr std::size_t k_most_blocks = 110'000;
char* g_blocks[k_most_blocks];

// Takes that many bytes in blocks of one size, each written; frees all but every `keep_nth`.
void build_and_free(std::size_t bytes, std::size_t size, std::size_t keep_nth) {
  const std::size_t count = bytes / size;
  EXPECT_AT_MOST(count, k_most_blocks);
  for (std::size_t i = 0; i < count; ++i) {
    g_blocks[i] = keep(static_cast<char*>(malloc(size)));
    EXPECT(g_blocks[i] != nullptr);
    memset(g_blocks[i], 0xa5, size);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (keep_nth == 0 || i % keep_nth != 0) free(g_blocks[i]);
  }
}

struct Load {
  std::size_t size;
  std::size_t keep_nth;
};

// Small ones in slabs, chunks inside the heap and at its top, mapped ones.
constexpr Load k_loads[] = {{100, 0},   {3000, 16},   {20000, 10},
                            {20000, 0}, {300'000, 3}, {5'000'000, 0}};

void on_a_thread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, nullptr, body, argument), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

}  // namespace

CASE(says_whether_anything_went_and_a_second_one_finds_nothing) {
  for (const Load& load : k_loads) {
    build_and_free(10_MiB, load.size, load.keep_nth);
    malloc_trim(0);
    EXPECT_EQ(malloc_trim(0), 0);
  }
}

CASE(an_answer_of_1_is_memory_that_went) {
  malloc_trim(0);
  for (const Load& load : k_loads) {
    build_and_free(10_MiB, load.size, load.keep_nth);
    const std::size_t before = status_bytes("VmRSS");
    const int answer = malloc_trim(0);
    const std::size_t after = status_bytes("VmRSS");
    // What the bound leaves resident is free, so that there is always something.
    EXPECT_EQ(answer, 1);
    EXPECT_AT_MOST(after, before);
  }
}

CASE(nothing_is_kept_of_large_blocks) {
  keep(malloc(100_MiB));  // an eighth of it may be kept
  malloc_trim(0);
  const std::size_t before = status_bytes("VmRSS");
  build_and_free(10_MiB, 1'000'000, 0);
  EXPECT_EQ(malloc_trim(0), 1);
  EXPECT_AT_MOST(status_bytes("VmRSS"), before + 512_KiB);
}

CASE(gives_back_what_an_ended_thread_has_freed) {
  malloc_trim(0);
  const std::size_t before = status_bytes("VmRSS");
  for (const std::size_t size : {std::size_t{500}, std::size_t{20000}}) {
    std::size_t argument = size;
    on_a_thread(
        [](void* p) -> void* {
          build_and_free(20_MiB, *static_cast<std::size_t*>(p), 0);
          return nullptr;
        },
        &argument);
    malloc_trim(0);
    EXPECT_AT_MOST(status_bytes("VmRSS"), before + 1_MiB);
    EXPECT_EQ(malloc_trim(0), 0);
  }
}

CASE(contents_stay) {
  constexpr std::size_t k_blocks = 3000;
  Random random(5);
  static std::size_t sizes[k_blocks];
  for (std::size_t i = 0; i < k_blocks; ++i) {
    sizes[i] = 1 + random.size(60'000);
    g_blocks[i] = keep(static_cast<char*>(malloc(sizes[i])));
    fill(g_blocks[i], sizes[i], i);
  }
  for (std::size_t i = 0; i < k_blocks; i += 2) free(g_blocks[i]);
  malloc_trim(0);
  for (std::size_t i = 1; i < k_blocks; i += 2) EXPECT(intact(g_blocks[i], sizes[i], i));
}
