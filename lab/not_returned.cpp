// Experiment not-returned: everything is freed, in the order in which it was taken, and nothing
// goes back. Then a single malloc and free of a large block, and it does.
//
// 1,024 times 10 KiB and one byte, all written to. The small blocks are what matters: each lies
// between two large ones. The tables of pointers are static: no vector's block at the wrong end of
// the heap. The page not-returned.md says what to expect and why.

#include <cstdlib>
#include <cstring>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "not_returned";
constexpr size_t k_most_pairs = 64 * 1024;
constexpr size_t k_large = 10 * 1024;
constexpr size_t k_larger = 70 * 1024;  // below the mmap threshold

void* s_large[k_most_pairs];
void* s_small[k_most_pairs];

void* take(size_t bytes) {
  void* const block = malloc(bytes);
  if (block == nullptr) fail(1, k_program, "out of memory");
  std::memset(block, 1, bytes);
  use(block);
  return block;
}

void take_and_free(size_t bytes) {
  void* const block = malloc(bytes);
  use(block);
  free(block);
}

void run(size_t pairs) {
  Steps steps;
  steps.run("taken", [&] {
    for (size_t i = 0; i < pairs; i++) {
      s_large[i] = take(k_large);
      s_small[i] = take(1);
    }
  });
  steps.run("freed", [&] {
    for (size_t i = 0; i < pairs; i++) {
      free(s_large[i]);
      free(s_small[i]);
    }
  });
  steps.run("10 KiB once more", [] { take_and_free(k_large); });
  steps.run("70 KiB once more", [] { take_and_free(k_larger); });
}

constexpr char k_help[] =
    "usage: not_returned [--pairs N]\n"
    "Takes N (1,024) times 10 KiB and one byte, frees them, and prints one JSON line a step.\n"
    "Best started by `arenite lab not-returned`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t pairs = 1024;
  read_arguments(argc, argv, k_program, k_help, {{"--pairs", &pairs, 1, k_most_pairs}});
  run(pairs);
}
