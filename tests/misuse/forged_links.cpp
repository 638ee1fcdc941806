// Links of free chunks written by somebody else, in each kind of bin and at each place where the
// allocator follows them. The links are sealed, so what a forged one turns into is not known
// beforehand; which check finds it is left open, that one does is not.

#include "misuse.hpp"

using namespace misuse;

namespace {

// A chunk in the unsorted bin, or in its small or large bin, kept apart from its neighbours.
void* unsorted_chunk(std::size_t size) {
  void* p = take(size);
  take(k_guard_size);
  free(p);
  return p;
}

void* sorted_chunk(std::size_t size) {
  void* p = unsorted_chunk(size);
  take(20000);
  return p;
}

void* fast_chunk() {
  void* p = take(24);
  take(k_guard_size);
  free(p);
  return p;
}

}  // namespace

CASE(of_a_fast_chunk_that_is_reused) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(fast_chunk(), 0) = forged;
    for (int i = 0; i < 3; ++i) keep(malloc(24));
  });
}

CASE(of_a_fast_chunk_that_is_consolidated) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(fast_chunk(), 0) = forged;
    keep(malloc(20000));
  });
}

CASE(forward_of_an_unsorted_chunk) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(unsorted_chunk(1000), 0) = forged;
    keep(malloc(1000));
  });
}

CASE(backward_of_an_unsorted_chunk) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(unsorted_chunk(1000), 1) = forged;
    keep(malloc(500));
  });
}

CASE(backward_of_an_unsorted_chunk_when_another_is_freed) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    void* p = take(1000);
    take(k_guard_size);
    void* q = take(3000);
    take(k_guard_size);
    free(p);
    link(p, 1) = forged;
    free(q);
    go_on();
  });
}

CASE(forward_of_a_small_chunk_that_merges) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    void* a = take(500);
    void* b = take(500);
    take(k_guard_size);
    free(b);
    take(20000);
    link(b, 0) = forged;
    free(a);
  });
}

CASE(backward_of_a_small_chunk_that_merges) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    void* a = take(500);
    void* b = take(500);
    take(k_guard_size);
    free(b);
    take(20000);
    link(b, 1) = forged;
    free(a);
  });
}

CASE(backward_of_a_small_chunk_that_is_reused) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(sorted_chunk(500), 1) = forged;
    keep(malloc(500));
  });
}

CASE(both_of_a_small_chunk_aimed_at_a_fake_one_that_agrees) {
  // The unlink of old: two links to a fake chunk whose own links lead back.
  expect_every_forged_link_to_abort([](std::size_t) {
    alignas(16) static std::size_t fake[8];
    void* a = take(500);
    void* b = take(500);
    take(k_guard_size);
    free(b);
    take(20000);
    fake[2] = fake[3] = reinterpret_cast<std::size_t>(b) - 16;
    link(b, 0) = link(b, 1) = reinterpret_cast<std::size_t>(&fake[0]);
    free(a);
    go_on();
  });
}

CASE(forward_of_a_large_chunk) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(sorted_chunk(5000), 0) = forged;
    keep(malloc(5000));
  });
}

CASE(backward_of_a_large_chunk) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    link(sorted_chunk(5000), 1) = forged;
    keep(malloc(5000));
  });
}

CASE(by_size_of_a_large_chunk_that_is_reused) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    void* p = take(5000);
    take(k_guard_size);
    void* smaller = take(4700);  // for the same bin
    take(k_guard_size);
    free(p);
    free(smaller);
    take(20000);
    link(p, 2) = forged;
    keep(malloc(5000));
  });
}

CASE(back_by_size_of_a_large_chunk_that_is_reused) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    void* p = take(5000);
    take(k_guard_size);
    void* smaller = take(4700);  // for the same bin
    take(k_guard_size);
    free(p);
    free(smaller);
    take(20000);
    link(p, 3) = forged;
    keep(malloc(5000));
  });
}

CASE(back_by_size_of_a_large_chunk_when_a_smaller_one_is_sorted) {
  expect_every_forged_link_to_abort([](std::size_t forged) {
    // Both in one bin: the smaller one becomes the smallest of the ring by size.
    void* p = take(5300);
    take(k_guard_size);
    void* smaller = take(5150);
    take(k_guard_size);
    free(p);
    take(20000);
    link(p, 3) = forged;
    free(smaller);
    take(20000);
  });
}
