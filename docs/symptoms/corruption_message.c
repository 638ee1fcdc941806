// Sessions that copy each other's name without taking a copy: one name has two owners, and both
// free it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_sessions = 1000 };

struct session {
  char* name;
};

static void open_session(struct session* s, int number) {
  s->name = malloc(40);
  snprintf(s->name, 40, "session %d", number);
}

static void close_session(struct session* s) {
  free(s->name);
}

int main(void) {
  static struct session sessions[k_sessions];
  for (int i = 0; i < k_sessions; i++) open_session(&sessions[i], i);
  struct session renewed = sessions[500];  // copies the pointer, not the name
  close_session(&renewed);
  for (int i = 0; i < k_sessions; i++) close_session(&sessions[i]);
  puts("all sessions are closed");
}
