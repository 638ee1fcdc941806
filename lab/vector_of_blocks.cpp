// Experiment vector-of-blocks: a std::vector of 1,048,576 pointers, each to a block of a few bytes.
// How much memory is that?
//
// For each of several sizes in a child of its own: the vector, then the blocks. Then 23 bytes and
// 25 bytes step by step, with nothing freed in between. The page vector-of-blocks.md says what to
// expect and why.

#include <vector>

#include "children.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "vector_of_blocks";
// Where chunks grow by a step, and where slabs' classes do.
constexpr size_t k_sizes[] = {16, 23, 24, 25, 32, 33, 40, 41};

using Blocks = std::vector<char*>;

// Writes every pointer, so the vector is memory, not addresses alone.
Blocks make_vector(size_t count) {
  return Blocks(count);
}

void fill(Blocks& blocks, size_t bytes) {
  for (char*& block : blocks) {
    block = new char[bytes];
    use(block);
  }
}

void try_size(Steps& steps, size_t count, size_t bytes) {
  const uint64_t before = own_resident_bytes(look());
  Blocks blocks = make_vector(count);
  const uint64_t with_vector = own_resident_bytes(look());
  fill(blocks, bytes);
  const uint64_t with_blocks = own_resident_bytes(look());
  steps.row("sizes",
            {Figure::number("asked", bytes), Figure::number("vector_bytes", with_vector - before),
             Figure::number("block_bytes", with_blocks - with_vector)});
}

void run(size_t count) {
  Steps steps;
  for (const size_t bytes : k_sizes) {
    in_a_child(k_program, [&] { try_size(steps, count, bytes); });
  }
  Blocks first;
  Blocks second;
  steps.run("a vector", [&] { first = make_vector(count); });
  steps.run("23 bytes each", [&] { fill(first, 23); });
  steps.run("another vector", [&] { second = make_vector(count); });
  steps.run("25 bytes each", [&] { fill(second, 25); });
}

constexpr char k_help[] =
    "usage: vector_of_blocks [--blocks N]\n"
    "Fills vectors with N (1,048,576) blocks of a few bytes and prints one JSON line a step.\n"
    "Best started by `arenite lab vector-of-blocks`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t blocks = 1024 * 1024;
  read_arguments(argc, argv, k_program, k_help, {{"--blocks", &blocks, 1, 64 * 1024 * 1024}});
  run(blocks);
}
