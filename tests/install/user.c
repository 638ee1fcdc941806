/* A program that takes 20 MB through libc alone, and says whose malloc that was: ends with 0 if
 * arenite's own statistics have seen it, else with 1.
 *
 * With NOTHING_NEEDED it needs nothing of the library at link time, as most programs do. */
#include <stdio.h>
#include <string.h>

#include "arenite/arenite.h"

#ifdef NOTHING_NEEDED
#pragma weak arenite_stats
#endif

enum { k_blocks = 20000, k_bytes = 1000 };

static char* volatile blocks[k_blocks];

int main(void) {
  char text[k_bytes];
  memset(text, 'x', sizeof text);
  text[k_bytes - 1] = '\0';
  for (int i = 0; i < k_blocks; i++) blocks[i] = strdup(text);
#ifdef NOTHING_NEEDED
  if (arenite_stats == NULL) {
    puts("not arenite: it is not linked");
    return 1;
  }
#endif
  struct arenite_statistics now;
  if (arenite_stats(&now, sizeof now) != 0 || now.live < (size_t)k_blocks * k_bytes) {
    puts("not arenite: it has seen none of these blocks");
    return 1;
  }
  puts("arenite");
  return 0;
}
