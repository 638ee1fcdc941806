// Last in, first out: the block just taken is given back at once, at one size.
//
// The shortest way through any allocator. What it times is the fast path itself: with everything in
// the first cache line, a thread cache that is a stack has nothing to do but pop and push.
#include "common.hpp"

int main(int argc, char** argv) {
  bench::Program program("lifo_pairs", "malloc and free of one size, in pairs", argc, argv);
  const std::size_t size = std::max<std::size_t>(8, program.count("size", 64, "bytes of a block"));
  const std::uint64_t pairs =
      program.scaled(static_cast<double>(program.count("pairs", 200'000'000, "pairs at scale 1")));
  program.begin();

  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    auto* p = static_cast<std::uint64_t*>(std::malloc(size));
    if (p == nullptr) bench::fail("malloc(%zu) returned no memory", size);
    *p = i;
    bench::escape(p);
    sum += *p;
    std::free(p);
  }
  return program.finish(2 * pairs, sum);
}
