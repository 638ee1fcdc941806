/* What both static programs check in the same way, and the words for it. A failed check names its
   place and ends the program with status 1. */

#ifndef ARENITE_TESTS_STATIC_CHECK_H
#define ARENITE_TESTS_STATIC_CHECK_H

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition); \
      _exit(1);                                                                 \
    }                                                                           \
  } while (0)

/* The allocator's own figures know of a block that malloc gave out: its statistics and its malloc
   are of one piece. */
static inline void check_figures_know_of_blocks(void) {
  const size_t before = mallinfo2().uordblks;
  void* block = malloc(50000);
  CHECK(block != NULL);
  CHECK(malloc_usable_size(block) >= 50000);
  CHECK(mallinfo2().uordblks >= before + 50000);
  free(block);
  CHECK(mallinfo2().uordblks < before + 50000);

  char* text = NULL;
  size_t length = 0;
  FILE* out = open_memstream(&text, &length);
  CHECK(out != NULL);
  CHECK(malloc_info(0, out) == 0);
  CHECK(fclose(out) == 0);
  CHECK(strstr(text, "<malloc version=") != NULL && strstr(text, "</malloc>") != NULL);
  free(text);
}

/* It is ours: of a block that is freed twice it speaks in its own words, and aborts. */
static inline void check_it_speaks_as_arenite(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    void* volatile block = malloc(5000);
    void* volatile guard = malloc(5000); /* keeps the block from joining the top */
    free(block);
    free(block);
    _exit(guard != NULL);
  }
  close(ends[1]);
  char line[256] = "";
  CHECK(read(ends[0], line, sizeof(line) - 1) > 0);
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  CHECK(strncmp(line, "arenite: ", 9) == 0);
}

#endif
