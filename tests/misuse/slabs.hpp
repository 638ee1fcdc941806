// Misuse of blocks that come from slabs (default mode, up to 8 KiB), and what the library must say
// about each, to the letter.
//
// A slab is 16 KiB, aligned to its size, in a region of 64 MiB (1 MiB on 32-bit) whose first pages
// hold what is known about the slabs. A thread's first blocks of a size do not come from a slab:
// take_from_slab passes over those.

#pragma once

#include <pthread.h>

#include <cstdio>

#include "misuse.hpp"

namespace slabs {

using namespace misuse;

constexpr std::size_t k_slab_size = 16_KiB;
constexpr std::size_t k_region_size = sizeof(void*) == 8 ? 64_MiB : 1_MiB;
constexpr std::size_t k_largest = 8_KiB;

constexpr const char* k_twice = "free(): double free detected in slab";
constexpr const char* k_was_freed = "it was already freed";
constexpr const char* k_invalid = "free(): invalid pointer";
constexpr const char* k_no_start = "no block of a slab starts there";

// The block sizes: by steps of 16 to 128, then four to a doubling, from 4 KiB on three by hand.
inline std::size_t size_after(std::size_t size) {
  if (size < 128) return size + 16;
  if (size >= 4_KiB) {
    for (const std::size_t next : {std::size_t{5376}, 6_KiB, k_largest})
      if (next > size) return next;
    return k_largest + 1;
  }
  std::size_t doubling = 128;
  while (doubling * 2 <= size) doubling *= 2;
  return size + doubling / 4;
}

template <typename Visit>
void for_each_size(Visit visit) {
  for (std::size_t size = 16; size <= k_largest; size = size_after(size)) visit(size);
}

inline void pass_over_first_blocks(std::size_t size) {
  for (int i = 0; i < 40; ++i) keep(malloc(size));
}

inline void* take_from_slab(std::size_t size) {
  pass_over_first_blocks(size);
  return take(size);
}

inline char* region_of(void* block) {
  return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(block) & ~(k_region_size - 1));
}
inline char* slab_of(void* block) {
  return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(block) & ~(k_slab_size - 1));
}

// The whole line. `size` is the block size of the slab; 0 where there is none.
struct Line {
  char text[256];
};
inline Line line_about(const char* what, const void* p, std::size_t size, const char* meaning) {
  Line line;
  char block[32] = "";
  if (size != 0) snprintf(block, sizeof(block), " (%zu-byte block)", size);
  snprintf(line.text, sizeof(line.text), "arenite: %s: %#zx%s: %s", what,
           reinterpret_cast<std::size_t>(p), block, meaning);
  return line;
}

// The process is about to die with exactly this line.
inline void expect_end(const char* what, const void* p, std::size_t size, const char* meaning) {
  expect_abort(line_about(what, p, size, meaning).text, {p});
}

// A child that does `body` dies of SIGABRT, and this line, signed, is all that it says, but for one
// more about the address where that is none of the heap's.
template <typename Body>
void expect_child_ends(const Line& expected, Body body) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    body();
    _exit(0);
  }
  close(ends[1]);
  char said[1024];
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = read(ends[0], said + length, sizeof(said) - 1 - length);
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  close(ends[0]);
  said[length] = '\0';
  char signed_line[sizeof(expected.text) + 64];
  snprintf(signed_line, sizeof(signed_line), "%s [%s, pid %d]\n", expected.text,
           program_invocation_short_name, static_cast<int>(child));
  const std::size_t first = strlen(signed_line);
  const bool is_said = strncmp(said, signed_line, first) == 0;
  const char* more = said + (is_said ? first : 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !is_said ||
      (*more != '\0' && strncmp(more, "arenite: 0x", 11) != 0))
    fail(__FILE__, __LINE__,
         "the child's status is %#x and it says '%s'; expected SIGABRT and '%s'",
         static_cast<unsigned>(status), said, signed_line);
}

// Runs body(argument) in another thread, to its end.
inline void in_a_thread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, nullptr, body, argument), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

// Another thread frees the block; the thread lives on, so that its slabs are its own.
inline void free_in_a_living_thread(void* block) {
  static pthread_barrier_t freed;
  pthread_barrier_init(&freed, nullptr, 2);
  pthread_t thread;
  EXPECT_EQ(pthread_create(
                &thread, nullptr,
                [](void* p) -> void* {
                  free(p);
                  pthread_barrier_wait(&freed);
                  for (;;) pause();
                },
                block),
            0);
  pthread_barrier_wait(&freed);
}

}  // namespace slabs
