// Reaching under the allocator: where a block's header lies and how to damage it.
//
// A block's header is the two words before it: prev_size (the previous chunk's size, if that is
// free) and size, with the flags P = 1 (previous in use), M = 2 (mapped), A = 4 (not the main
// arena). A chunk of size s is followed by the next header at s.

#pragma once

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

namespace misuse {

using namespace behaviour;

constexpr std::size_t k_previous_in_use = 1, k_mapped = 2, k_not_main = 4;
constexpr std::size_t k_guard_size = 16;  // keeps a block apart from the top and its neighbours

inline std::size_t& size_field(void* p) {
  return static_cast<std::size_t*>(p)[-1];
}
inline std::size_t& previous_size_field(void* p) {
  return static_cast<std::size_t*>(p)[-2];
}

// The free chunk's links, in the first words of what was the block.
inline std::size_t& link(void* p, int number) {
  return static_cast<std::size_t*>(p)[number];
}

inline void* take(std::size_t size) {
  void* p = malloc(size);
  EXPECT(p != nullptr);
  memset(p, 0, size);
  return keep(p);
}

inline void* offset(void* p, std::ptrdiff_t bytes) {
  return keep(static_cast<char*>(p) + bytes);
}

// Damage by links that were not made by the allocator. Each is tried in a child of its own: what
// an attacker may aim at (blocks, the stack, the chunk itself), and what a stale write may leave.
// Every child must die by SIGABRT with its line. `damage` plants the link and then goes on as a
// program would.
inline void expect_every_forged_link_to_abort(void (*damage)(std::size_t forged)) {
  constexpr int k_random = 16;
  alignas(16) static std::size_t fake_chunk[8] = {0, 0x21, 0, 0, 0, 0x21, 0, 0};
  alignas(16) std::size_t fake_on_stack[8] = {0, 0x21, 0, 0, 0, 0x21, 0, 0};
  const auto live = reinterpret_cast<std::size_t>(take(1000));
  const std::size_t aimed[] = {0,
                               ~std::size_t{0},
                               static_cast<std::size_t>(0x4141414141414141),
                               live,
                               live - 16,
                               reinterpret_cast<std::size_t>(fake_chunk),
                               reinterpret_cast<std::size_t>(keep(fake_on_stack))};
  constexpr int k_aimed = sizeof(aimed) / sizeof(aimed[0]);
  expect_aborts(k_aimed + k_random);
  Random random(static_cast<std::uint64_t>(getpid()));
  for (int i = 0; i < k_aimed + k_random; ++i) {
    const std::size_t forged = i < k_aimed ? aimed[i] : random.next();
    const pid_t child = fork();
    if (child == 0) {
      damage(forged);
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
      fail(__FILE__, __LINE__, "forged link %#zx: the child's status is %#x, expected SIGABRT",
           forged, static_cast<unsigned>(status));
  }
}

// What a program would do after the damage if nothing stopped it.
inline void go_on() {
  for (int round = 0; round < 3; ++round) {
    void* blocks[200];
    for (std::size_t i = 0; i < 200; ++i) blocks[i] = malloc(i * 24);
    keep(malloc(3000));
    for (void* p : blocks) free(p);
  }
  malloc_trim(0);
}

}  // namespace misuse
