// Eight threads pass blocks to each other for half a second: what one takes, another frees. Tells
// how often they did, and how often one of them slept, which here means: waited for a lock of
// malloc.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { k_threads = 8, k_places = 64 };

static _Atomic(void*) places[k_places];
static atomic_long operations, waits;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void* work(void* number) {
  unsigned random = (unsigned)(size_t)number;
  const double end = now() + 0.5;
  long done = 0;
  while (now() < end) {
    for (int i = 0; i < 100; i++, done++) {
      random = random * 1664525 + 1013904223;
      free(atomic_exchange(&places[random >> 26], malloc(1200 + (random >> 16) % 2000)));
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  operations += done;
  waits += usage.ru_nvcsw;
  return NULL;
}

int main(void) {
  pthread_t threads[k_threads];
  for (size_t i = 0; i < k_threads; i++) pthread_create(&threads[i], NULL, work, (void*)(i + 1));
  for (int i = 0; i < k_threads; i++) pthread_join(threads[i], NULL);
  printf("million pairs of malloc and free: %5.1f\n", (double)operations / 1e6);
  printf("waits in a million:               %5.0f\n", (double)waits * 1e6 / (double)operations);
}
