// A thread's first blocks of a size, misused: they lie in pages that they share with blocks of
// other sizes, and their bookkeeping lies far from them.

#include "slabs.hpp"

using namespace slabs;

namespace {

// Two that are side by side; and more behind them, so that their page stays.
struct Pair {
  char* first;
  char* second;
};
Pair take_pair(std::size_t size) {
  Pair pair{static_cast<char*>(take(size)), static_cast<char*>(take(size))};
  EXPECT_EQ(pair.second - pair.first, static_cast<std::ptrdiff_t>(size));
  keep(malloc(16));
  return pair;
}

}  // namespace

CASE(one_freed_twice) {
  void* p = take_pair(176).first;
  free(p);
  expect_abort(line_about(k_twice, p, 0, k_was_freed).text, {p});
  free(p);
}

CASE(one_freed_twice_by_two_threads) {
  static void* p = take_pair(176).first;
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  free(p);
                  return nullptr;
                },
                nullptr),
            0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  expect_abort(line_about(k_twice, p, 0, k_was_freed).text, {p});
  free(p);
}

CASE(the_middle_of_one) {
  char* p = take_pair(176).first;
  expect_abort(line_about(k_invalid, p + 32, 0, k_no_start).text, {p + 32});
  free(p + 32);
}

CASE(an_odd_address_in_one) {
  char* p = take_pair(176).first;
  expect_abort(line_about(k_invalid, p + 3, 0, k_no_start).text, {p + 3});
  free(p + 3);
}

CASE(the_end_of_one_that_grew_over_a_freed_one) {
  const Pair pair = take_pair(64);
  free(pair.first);
  free(pair.second);
  void* whole = take(128);
  EXPECT(whole == pair.first);
  expect_abort(line_about(k_invalid, pair.second, 0, k_no_start).text, {pair.second});
  free(pair.second);
}

CASE(a_freed_one_resized) {
  void* p = take_pair(176).first;
  free(p);
  expect_abort(line_about("realloc(): the block is free", p, 0, k_was_freed).text, {p});
  keep(realloc(p, 500));
}

CASE(the_size_of_the_middle_of_one) {
  char* p = take_pair(176).first;
  expect_abort(line_about("malloc_usable_size(): invalid pointer", p + 16, 0, k_no_start).text,
               {p + 16});
  malloc_usable_size(p + 16);
}

CASE(a_large_one_freed_twice) {
  void* p = take(60'000);
  free(p);
  expect_abort("free(): ", {p});
  free(p);
}

CASE(the_middle_of_a_large_one) {
  char* p = static_cast<char*>(take(60'000));
  expect_abort(line_about(k_invalid, p + 32 * 1024, 0, k_no_start).text, {p + 32 * 1024});
  free(p + 32 * 1024);
}

// One byte too many reaches the neighbour, and nothing else: chunks had their sizes there.
CASE(what_runs_over_the_end_meets_no_bookkeeping) {
  const Pair pair = take_pair(48);
  memset(pair.first, 0xff, 96);
  free(pair.second);
  void* other = take(200);
  EXPECT(other < pair.first || other >= pair.first + 96 || other == pair.second);
  free(pair.first);
  free(other);
}
