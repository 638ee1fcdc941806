// Threads that take zeroed blocks side by side, of pages that went back to the kernel or never held
// anything: each gets zeroes, and none takes anything away from a neighbour in the page where its
// block ends.

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "threads.hpp"

using namespace behaviour;

namespace {

void* take_zeroed_and_look(void* seed) {
  constexpr std::size_t k_slots = 40;
  unsigned char* blocks[k_slots] = {};
  std::size_t sizes[k_slots] = {};
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  for (int i = 0; i < 25'000; ++i) {
    const std::size_t k = random.below(k_slots);
    const auto fill = static_cast<unsigned char>(k + 1);
    if (blocks[k] != nullptr) EXPECT(all_bytes_are(blocks[k], sizes[k], fill));
    free(blocks[k]);
    sizes[k] = 33'000 + random.below(20'000);
    blocks[k] = static_cast<unsigned char*>(calloc(1, sizes[k]));
    EXPECT(blocks[k] != nullptr && all_bytes_are(blocks[k], sizes[k], 0));
    memset(blocks[k], fill, sizes[k]);
    if (i % 50 == 0) malloc_trim(0);
  }
  for (unsigned char* p : blocks) free(p);
  return nullptr;
}

}  // namespace

CASE(zeroed_blocks_side_by_side_leave_each_other_alone) {
  pthread_t threads[4];
  std::uintptr_t seed = 1;
  for (pthread_t& thread : threads)
    thread = start(take_zeroed_and_look, reinterpret_cast<void*>(seed++));
  for (pthread_t thread : threads) join(thread);
}
