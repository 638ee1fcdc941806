// Eight workers take turns. Each fills 40 MiB with small records, frees all of it and waits for the
// next turn.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { k_workers = 8, k_records = 40 * 1024, k_bytes = 1000 };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all_had_theirs;

static void* work(void* unused) {
  static char* records[k_records];  // used by one worker at a time
  pthread_mutex_lock(&turn);
  for (int i = 0; i < k_records; i++) records[i] = strcpy(malloc(k_bytes), "record");
  // The last record stays, as a cached result would.
  for (int i = 0; i < k_records - 1; i++) free(records[i]);
  pthread_mutex_unlock(&turn);
  pthread_barrier_wait(&all_had_theirs);
  return unused;
}

int main(void) {
  pthread_t workers[k_workers];
  pthread_barrier_init(&all_had_theirs, NULL, k_workers);
  for (int i = 0; i < k_workers; i++) pthread_create(&workers[i], NULL, work, NULL);
  for (int i = 0; i < k_workers; i++) pthread_join(workers[i], NULL);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("in use at one time:    40 MiB\nresident at the peak: %3ld MiB\n", usage.ru_maxrss / 1024);
}
