// Takes 10,000 small blocks, 100 middle ones and a large one, frees every second small and middle
// one, and prints what malloc_stats, arenite_stats and malloc_info say: the argument chooses which.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arenite/arenite.h>

#pragma weak arenite_stats

static void print_arenite_stats(void) {
  struct arenite_statistics s;
  if (!arenite_stats || arenite_stats(&s, sizeof s) != 0) {
    puts("no arenite here");
    return;
  }
  printf("live              %9zu\n", s.live);
  printf("retained          %9zu\n", s.retained);
  printf("bound             %9zu\n", s.bound);
  printf("credit            %9zu\n", s.credit);
  printf("retained_slabs    %9zu\n", s.retained_slabs);
  printf("retained_chunks   %9zu\n", s.retained_chunks);
  printf("retained_mappings %9zu\n", s.retained_mappings);
  printf("retained_spans    %9zu\n", s.retained_spans);
  printf("grown             %9zu\n", s.grown);
  printf("reused            %9zu\n", s.reused);
  printf("purged            %9zu\n", s.purged);
  printf("free_in_slabs     %9zu\n", s.free_in_slabs);
  printf("arenas            %9zu\n", s.arenas);
}

static void take(char** blocks, int count, size_t size) {
  for (int i = 0; i < count; i++) blocks[i] = memset(malloc(size), 1, size);
}

static void free_every_second(char** blocks, int count) {
  for (int i = 0; i < count; i += 2) free(blocks[i]);
}

int main(int argc, char** argv) {
  static char *small[10000], *middle[100], *large[1];
  take(small, 10000, 100);
  take(middle, 100, 20000);
  take(large, 1, 8 << 20);
  free_every_second(small, 10000);
  free_every_second(middle, 100);
  const char* which = argc > 1 ? argv[1] : "malloc_stats";
  if (strcmp(which, "malloc_stats") == 0) malloc_stats();
  if (strcmp(which, "malloc_info") == 0) malloc_info(0, stdout);
  if (strcmp(which, "arenite_stats") == 0) print_arenite_stats();
}
