// A malloc that is broken on purpose, to prove that the workloads notice.
//
// BROKEN=overlap  every 500th block is the one handed out just before
// BROKEN=dirty    calloc does not clear reused memory
// BROKEN=realloc  realloc moves a block without its contents
// BROKEN=crash    the 5,000th free dies of a signal
// Blocks are never reused, so that nothing but the intended fault can happen; runs must be small.
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
size_t malloc_usable_size(void* p);

static atomic_ulong takes;
static atomic_ulong gives;
static _Atomic(void*) last;

static int broken(const char* how) {
  const char* wanted = getenv("BROKEN");
  return wanted != NULL && strcmp(wanted, how) == 0;
}

void* malloc(size_t size) {
  void* before = atomic_load(&last);
  if (broken("overlap") && atomic_fetch_add(&takes, 1) % 500 == 499 && before != NULL &&
      malloc_usable_size(before) >= size) {
    return before;
  }
  void* p = __libc_malloc(size);
  atomic_store(&last, p);
  return p;
}

void free(void* p) {
  if (p != NULL && broken("crash") && atomic_fetch_add(&gives, 1) == 5000) raise(SIGSEGV);
}

void* calloc(size_t count, size_t size) {
  void* p = __libc_calloc(count, size);
  if (p != NULL && broken("dirty") && atomic_fetch_add(&takes, 1) % 500 == 499) {
    memset(p, 0x55, count * size);
  }
  return p;
}

void* realloc(void* p, size_t size) {
  void* moved = malloc(size);
  if (moved == NULL || p == NULL) return moved;
  const size_t kept = malloc_usable_size(p) < size ? malloc_usable_size(p) : size;
  if (broken("realloc")) {
    memset(moved, 0, kept);
  } else {
    memcpy(moved, p, kept);
  }
  return moved;
}
