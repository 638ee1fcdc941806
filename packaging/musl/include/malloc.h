/* What glibc's <malloc.h> has and musl's has not: arenite gives programs these calls on musl, too.
 */
#ifndef ARENITE_MUSL_MALLOC_H
#define ARENITE_MUSL_MALLOC_H

#include_next <malloc.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mallinfo {
  int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

enum {
  M_MXFAST = 1,
  M_TRIM_THRESHOLD = -1,
  M_TOP_PAD = -2,
  M_MMAP_THRESHOLD = -3,
  M_MMAP_MAX = -4,
  M_CHECK_ACTION = -5,
  M_PERTURB = -6,
  M_ARENA_TEST = -7,
  M_ARENA_MAX = -8
};

int mallopt(int parameter, int value);
int malloc_trim(size_t pad);
struct mallinfo mallinfo(void);
struct mallinfo2 mallinfo2(void);
int malloc_info(int options, FILE* out);
void malloc_stats(void);
void* pvalloc(size_t n);

#ifdef __cplusplus
}
#endif

#endif
