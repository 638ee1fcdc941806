// What a pair of allocate and free of a heap of spans costs, in instructions: last in, first out;
// and however many other blocks there are.
#include <cstdlib>

#include "expect.hpp"
#include "instructions.hpp"
#include "span/span.hpp"

using namespace behaviour;
using arenite::span::Heap;

namespace {

constexpr size_t k_n = 20000;
constinit Heap g_heap;

void* take(size_t n) {
  void* p = g_heap.allocate(n);
  EXPECT(p != nullptr);
  return p;
}

// Holes of all lengths up to 100 KiB, each between two blocks.
void make_holes(int count) {
  static void* blocks[40000];
  for (int i = 0; i < 2 * count; i++)
    blocks[i] = take(9000 + static_cast<size_t>(i) * 7919 % 90000);
  for (int i = 0; i < 2 * count; i += 2) Heap::free(blocks[i]);
}

}  // namespace

CASE(a_pair_of_the_same_length_takes_no_more_than_180_instructions) {
  g_heap.begin();
  make_holes(100);
  Heap::free(take(k_n));
  // Stopping and starting is in it.
  const long nothing = instructions_of([] {});
  const long pairs = instructions_of([] {
    for (int i = 0; i < 100; i++) Heap::free(take(k_n));
  });
  EXPECT((pairs - nothing) / 100 <= 180);
}

CASE(a_pair_costs_the_same_among_few_holes_and_many) {
  g_heap.begin();
  make_holes(50);
  const auto pair = [] {
    void* p = take(30000);
    void* q = take(50000);
    Heap::free(p);
    Heap::free(q);
  };
  pair();
  const long with_few = instructions_of(pair);
  make_holes(5000);
  pair();
  const long with_many = instructions_of(pair);
  EXPECT(with_many <= with_few * 2);
}
