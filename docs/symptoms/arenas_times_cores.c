// Starts 16 threads that each take one small block, and tells how many arenas and how much address
// space that takes.
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_threads = 16 };

static pthread_barrier_t all_there;

static void* work(void* unused) {
  char* block = strcpy(malloc(100), "block");
  pthread_barrier_wait(&all_there);  // main tells
  pthread_barrier_wait(&all_there);
  free(block);
  return unused;
}

static void tell(void) {
  char* text = NULL;
  size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  malloc_info(0, out);
  fclose(out);
  int heaps = 0;
  for (const char* at = text; (at = strstr(at, "<heap nr=")) != NULL; at++) heaps++;
  printf("heaps in malloc_info: %d\n", heaps);
  free(text);

  char line[200];
  FILE* status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status)) {
    if (strncmp(line, "VmSize:", 7) == 0)
      printf("address space:        %ld MiB\n", atol(line + 7) / 1024);
  }
  fclose(status);
}

int main(void) {
  pthread_attr_t small;
  pthread_t threads[k_threads];
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  pthread_barrier_init(&all_there, NULL, k_threads + 1);
  for (int i = 0; i < k_threads; i++) pthread_create(&threads[i], &small, work, NULL);
  pthread_barrier_wait(&all_there);
  tell();
  pthread_barrier_wait(&all_there);
  for (int i = 0; i < k_threads; i++) pthread_join(threads[i], NULL);
}
