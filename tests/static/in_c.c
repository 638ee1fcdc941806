/* A C program, linked -static with libarenite.a. Its own requests and those of the C library
   (stdio, qsort, getline, regcomp, setenv, popen, threads) are served by the one malloc there is;
   also before main and after it. */

#define _GNU_SOURCE

#include <pthread.h>
#include <regex.h>
#include <search.h>
#include <stdint.h>

#include "check.h"

static char* made_in_constructor;

static char* make(char letter) {
  char* block = malloc(300);
  if (block != NULL) memset(block, letter, 300);
  return realloc(block, 90000);
}

#ifdef __GLIBC__
static char* made_in_preinit;
static void preinit(void) {
  made_in_preinit = make('p');
}
__attribute__((used, section(".preinit_array"))) static void (*const preinit_entry)(void) = preinit;
static void check_preinit(void) {
  CHECK(made_in_preinit != NULL && made_in_preinit[299] == 'p');
  free(made_in_preinit);
}
#else /* musl has no such stage */
static void check_preinit(void) {}
#endif
__attribute__((constructor(101))) static void construct(void) {
  made_in_constructor = make('c');
}

static int stages_at_end;

static void after_exit(void) {
  char* block = make('e');
  CHECK(block[299] == 'e');
  free(block);
  stages_at_end++;
}

__attribute__((destructor(101))) static void last(void) {
  after_exit();
  CHECK(stages_at_end == 3);
  _exit(0); /* main's own status is a failure: only who comes this far has held all checks */
}

static void check_every_entry_point(void) {
  void* blocks[] = {malloc(100), calloc(10, 10), realloc(NULL, 100),    memalign(64, 100),
                    valloc(100), pvalloc(100),   aligned_alloc(32, 96), reallocarray(NULL, 10, 10),
                    NULL};
  CHECK(posix_memalign(&blocks[8], 4096, 100) == 0);
  for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
    CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % (2 * sizeof(size_t)) == 0);
    CHECK(malloc_usable_size(blocks[i]) >= 96);
    memset(blocks[i], (int)i, 96);
  }
  for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
    CHECK(((unsigned char*)blocks[i])[95] == i);
    free(blocks[i]);
  }
  CHECK(mallopt(M_MXFAST, 64) == 1);
  const int went = malloc_trim(0);
  CHECK(went == 0 || went == 1);
}

static int by_text(const void* left, const void* right) {
  return strcmp(*(char* const*)left, *(char* const*)right);
}

static void check_libc_allocates_with_us(void) {
  char* lines[5000];
  for (int i = 0; i < 5000; i++) CHECK(asprintf(&lines[i], "%d line", (i * 7919) % 5000) > 0);
  qsort(lines, 5000, sizeof(*lines), by_text);
  for (int i = 1; i < 5000; i++) CHECK(strcmp(lines[i - 1], lines[i]) < 0);
  for (int i = 0; i < 5000; i++) free(lines[i]);

  FILE* pipe = popen("echo one; echo two; echo three", "r");
  CHECK(pipe != NULL);
  char* line = NULL;
  size_t room = 0;
  int count = 0;
  while (getline(&line, &room, pipe) > 0) count++;
  CHECK(pclose(pipe) == 0 && count == 3);
  free(line);

  regex_t pattern;
  CHECK(regcomp(&pattern, "^([a-z]+)[0-9]{3,5}(x|y)*$", REG_EXTENDED) == 0);
  CHECK(regexec(&pattern, "arena1234xyx", 0, NULL, 0) == 0);
  regfree(&pattern);

  for (int i = 0; i < 200; i++) {
    char name[32];
    snprintf(name, sizeof(name), "STATIC_TEST_%d", i);
    CHECK(setenv(name, "some value", 1) == 0);
  }
  CHECK(strcmp(getenv("STATIC_TEST_150"), "some value") == 0);
}

static void* work(void* seed) {
  void* kept[100] = {NULL};
  for (size_t i = 0; i < 20000; i++) {
    const size_t slot = (i * 31 + (uintptr_t)seed) % 100;
    free(kept[slot]);
    kept[slot] = malloc(i % 3000);
    CHECK(kept[slot] != NULL);
  }
  for (size_t i = 0; i < 99; i++) free(kept[i]);
  return kept[99];
}

static void check_threads_and_fork(void) {
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
  for (int i = 0; i < 20; i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      free(work((void*)5));
      _exit(0);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  for (int i = 0; i < 4; i++) {
    void* left = NULL;
    CHECK(pthread_join(threads[i], &left) == 0);
    free(left);
  }
}

int main(void) {
  check_preinit();
  CHECK(made_in_constructor != NULL && made_in_constructor[299] == 'c');
  free(made_in_constructor);
  check_figures_know_of_blocks();
  check_every_entry_point();
  check_libc_allocates_with_us();
  check_threads_and_fork();
  check_it_speaks_as_arenite();
  CHECK(atexit(after_exit) == 0);
  CHECK(atexit(after_exit) == 0);
  return 42;
}
