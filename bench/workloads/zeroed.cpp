// A calloc workload: tables that must come zeroed, from 16 bytes to several megabytes.
//
// Each is checked to be zero where it is looked at, made dirty and freed, so that an allocator that
// believes reused memory to be clean is caught, and one that clears fresh pages again pays for it.
#include <vector>

#include "common.hpp"

namespace {

struct Zeroed {
  std::uint64_t* words = nullptr;
  std::size_t count = 0;
};

std::size_t draw_count(bench::Random& random) {
  const std::uint64_t kind = random.below(10'000);
  if (kind == 0) return random.log_between(16 * 1024, 512 * 1024);  // up to 4 MiB
  if (kind < 200) return random.log_between(512, 16 * 1024);
  return random.log_between(2, 512);
}

std::uint64_t use(const Zeroed& block) {
  std::uint64_t sum = block.words[block.count - 1];
  // Small ones in full; of large ones the end and a word in each half page.
  const std::size_t step = block.count <= 64 ? 1 : block.count <= 4096 ? 7 : 251;
  for (std::size_t i = 0; i < block.count; i += step) {
    sum |= block.words[i];
    block.words[i] = ~std::uint64_t{0};
  }
  block.words[block.count - 1] = ~std::uint64_t{0};
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("zeroed", "calloc of 16 bytes to 4 MiB", argc, argv);
  const std::uint64_t blocks_taken = program.scaled(10'000'000);
  program.begin();

  bench::Random random(23);
  std::vector<Zeroed> blocks(2000);
  std::uint64_t words = 0;
  for (std::uint64_t i = 0; i < blocks_taken; ++i) {
    Zeroed& block = blocks[random.below(blocks.size())];
    std::free(block.words);
    block.count = draw_count(random);
    block.words = static_cast<std::uint64_t*>(std::calloc(block.count, sizeof(std::uint64_t)));
    if (block.words == nullptr) bench::fail("calloc returned no memory");
    if (use(block) != 0) bench::fail("calloc returned memory that is not zero");
    words += block.count;
  }
  for (const Zeroed& block : blocks) std::free(block.words);
  bench::drop(blocks);
  return program.finish(2 * blocks_taken, words);
}
