// Experiment pinned-top: all blocks are freed but the one at the heap's end. How much goes back?
//
// The heap shrinks from its end alone, so one block there holds up everything below it. First for
// last blocks of several sizes, each in a child of its own: what stays while the last block is
// there, and what once it is freed, too. Then step by step, with malloc_trim(0) while it is there.
// The page pinned-top.md says what to expect and why.

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "children.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "pinned_top";
constexpr size_t k_mib = 1024 * 1024;
constexpr size_t k_most_mib = 1024;
constexpr size_t k_block = 10 * 1024;
constexpr size_t k_most_blocks = k_most_mib * k_mib / k_block;
// Freed, these go to a fast bin and glibc's thread cache; to the cache alone; to neither. The last
// is as large as all others.
constexpr size_t k_last_blocks[] = {24, 1000, 2000, k_block};

void* s_blocks[k_most_blocks];

void* take(size_t bytes) {
  void* const block = malloc(bytes);
  if (block == nullptr) fail(1, k_program, "out of memory");
  std::memset(block, 1, bytes);
  use(block);
  return block;
}

struct Heap {
  size_t blocks;
  void* last = nullptr;

  void fill(size_t last_bytes) {
    for (size_t i = 0; i < blocks; i++) s_blocks[i] = take(k_block);
    last = take(last_bytes);
  }
  void free_all_but_the_last() const {
    for (size_t i = 0; i < blocks; i++) free(s_blocks[i]);
  }
};

uint64_t more_than(uint64_t before) {
  const uint64_t now = own_resident_bytes(look());
  return now > before ? now - before : 0;
}

void try_last_block(Steps& steps, size_t blocks, size_t last_bytes) {
  Heap heap{blocks};
  const uint64_t before = own_resident_bytes(look());
  heap.fill(last_bytes);
  heap.free_all_but_the_last();
  const uint64_t pinned = more_than(before);
  free(heap.last);
  steps.row("last blocks", {Figure::number("bytes", last_bytes), Figure::number("pinned", pinned),
                            Figure::number("freed", more_than(before))});
}

void run(size_t mebibytes) {
  const size_t blocks = mebibytes * k_mib / k_block;
  Steps steps;
  for (const size_t bytes : k_last_blocks) {
    in_a_child(k_program, [&] { try_last_block(steps, blocks, bytes); });
  }
  Heap heap{blocks};
  steps.run("taken", [&] { heap.fill(k_last_blocks[0]); });
  steps.run("all but the last freed", [&] { heap.free_all_but_the_last(); });
  steps.run("malloc_trim(0)", [] { malloc_trim(0); });
  steps.run("the last freed", [&] { free(heap.last); });
  steps.run("malloc_trim(0) again", [] { malloc_trim(0); });
}

constexpr char k_help[] =
    "usage: pinned_top [--mebibytes N]\n"
    "Takes N MiB (64) in blocks of 10 KiB and a small last one, frees all but that, and prints one "
    "JSON line a step.\n"
    "Best started by `arenite lab pinned-top`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t mebibytes = 64;
  read_arguments(argc, argv, k_program, k_help, {{"--mebibytes", &mebibytes, 1, k_most_mib}});
  run(mebibytes);
}
