// Threads as cases want them: many at a time, with small stacks, and none that fails unseen.
#pragma once

#include <pthread.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

namespace behaviour {

inline pthread_t start(void* (*body)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64_KiB);
  pthread_t thread;
  EXPECT_EQ(pthread_create(&thread, &attributes, body, argument), 0);
  pthread_attr_destroy(&attributes);
  return thread;
}

inline void join(pthread_t thread) {
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

// The arenas that so many threads end up with, alive at once and each with one block of the
// arenas'.
inline int arenas_with_threads(int threads) {
  static pthread_barrier_t leave;
  static pthread_barrier_t allocated;
  pthread_barrier_init(&leave, nullptr, static_cast<unsigned>(threads) + 1);
  static pthread_t ids[256];
  for (int i = 0; i < threads; ++i) {
    pthread_barrier_init(&allocated, nullptr, 2);
    ids[i] = start(
        [](void*) -> void* {
          void* p = malloc(100);  // in default mode only a thread's first blocks are of such
          pthread_barrier_wait(&allocated);
          pthread_barrier_wait(&leave);
          free(p);
          return nullptr;
        },
        nullptr);
    pthread_barrier_wait(&allocated);
    pthread_barrier_destroy(&allocated);
  }
  const int arenas = count_arenas();
  pthread_barrier_wait(&leave);
  for (int i = 0; i < threads; ++i) join(ids[i]);
  return arenas;
}

}  // namespace behaviour
