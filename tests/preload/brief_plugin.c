/* A library with libarenite.a inside that a program loads with dlopen and unloads again. */

#include <stdlib.h>
#include <string.h>

/* Takes blocks of many sizes and frees most of them: what is left is lost when the library goes. */
int brief_work(unsigned seed) {
  for (int round = 0; round < 3; ++round) {
    void* blocks[2000];
    for (unsigned i = 0; i < 2000; ++i) {
      const size_t size = i % 100 == 0 ? 200000 : (seed + i * 37) % 6000 + 1;
      blocks[i] = malloc(size);
      if (blocks[i] == NULL) return 0;
      memset(blocks[i], 1, size);
    }
    for (unsigned i = 0; i < 2000; ++i) {
      if (i % 1000 != 7) free(blocks[i]);
    }
  }
  return 1;
}
