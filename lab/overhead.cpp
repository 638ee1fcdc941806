// Experiment overhead: of the memory that blocks take, how much did nobody ask for?
//
// For each size a child of its own takes many blocks, writes every byte that it asked for, and
// frees none:
//
//   asked  <=  usable (malloc_usable_size)  <=  resident: pages in memory, shared out among the
//   blocks
//
// What lies between asked and usable is rounding; between usable and resident lie headers, tables,
// and what is left over at the end of a page, a slab or a mapping. The page overhead.md says what
// to expect and why.

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "children.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "overhead";
constexpr size_t k_asked_in_all = 8 * 1024 * 1024;
constexpr size_t k_most_blocks = 256 * 1024;

// Around each step that a chunk makes, and the sizes that programs like to ask for.
constexpr size_t k_sizes[] = {
    1,    8,      16,        24,        25,         40,          41,          64,
    100,  128,    256,       512,       1000,       2048,        4096,        5000,
    8192, 10'000, 16 * 1024, 64 * 1024, 128 * 1024, 1024 * 1024, 4096 * 1024,
};

// For the curves: every eight bytes.
constexpr size_t k_largest_on_curve = 512;
constexpr size_t k_curve_step = 8;

void take_blocks(Steps& steps, std::string_view table, size_t bytes) {
  const size_t count = std::min(k_asked_in_all / bytes, k_most_blocks);
  const uint64_t before = own_resident_bytes(look());
  size_t usable = 0;
  for (size_t i = 0; i < count; i++) {
    void* const block = malloc(bytes);
    if (block == nullptr) fail(1, k_program, "out of memory");
    memset(block, 1, bytes);
    use(block);
    usable += malloc_usable_size(block);
  }
  const uint64_t resident = own_resident_bytes(look()) - before;
  const size_t asked = count * bytes;
  const size_t not_asked_for = resident > asked ? resident - asked : 0;
  steps.row(table, {Figure::number("asked", bytes), Figure::number("blocks", count),
                    Figure::number("usable", (usable + count / 2) / count),
                    Figure::number("resident", (resident + count / 2) / count),
                    Figure::number("lost_permille", 1000 * not_asked_for / resident)});
}

constexpr char k_help[] =
    "usage: overhead\n"
    "Takes blocks of 1 byte to 4 MiB and prints what one takes, a JSON line a size.\n"
    "Best started by `arenite lab overhead`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv, k_program, k_help, {});
  Steps steps;
  for (const size_t bytes : k_sizes) {
    in_a_child(k_program, [&] { take_blocks(steps, "sizes", bytes); });
  }
  for (size_t bytes = k_curve_step; bytes <= k_largest_on_curve; bytes += k_curve_step) {
    in_a_child(k_program, [&] { take_blocks(steps, "curve", bytes); });
  }
}
