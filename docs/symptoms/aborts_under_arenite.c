// Destroys one of its connections twice. The second call clears, in the freed block, the mark by
// which glibc would know.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_connections = 1000 };

struct connection {
  long number, opened;
  char* peer;
};

static void destroy(struct connection* c) {
  free(c->peer);
  memset(c, 0, sizeof *c);
  free(c);
}

int main(void) {
  static struct connection* connections[k_connections];
  for (int i = 0; i < k_connections; i++) {
    connections[i] = calloc(1, sizeof *connections[i]);
    connections[i]->peer = strdup("example.org");
  }
  destroy(connections[500]);
  destroy(connections[500]);
  puts("done");
}
