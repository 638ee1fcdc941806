// 300,000 blocks of 1,000 bytes, of which 400 stay in a table; and ten blocks that are lost. Then
// it waits to be looked at.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { k_blocks = 300000, k_kept_each = 750 };

static char** session_table;
static char* blocks[k_blocks];

static void lose_some(void) {
  for (int i = 0; i < 10; i++) {
    char* p = malloc(200);
    strcpy(p, "forgotten words");
  }
}

int main(void) {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // whoever is the same user may look
  session_table = calloc(k_blocks / k_kept_each, sizeof(char*));
  for (int i = 0; i < k_blocks; i++) memset(blocks[i] = malloc(1000), 1, 1000);
  for (int i = 0; i < k_blocks; i++) {
    if (i % k_kept_each == 0) {
      session_table[i / k_kept_each] = blocks[i];
    } else {
      free(blocks[i]);
    }
    blocks[i] = NULL;
  }
  lose_some();
  puts("ready");
  fflush(stdout);
  pause();
}
