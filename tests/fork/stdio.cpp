// fork while other threads hold locks of stdio and allocate under them.
//
// fork() runs the program's and the libraries' prepare handlers first and takes stdio's list lock
// after them. If an allocator's handler takes all its locks, this can close a ring: the forking
// thread holds the heap and waits for the list; fflush(NULL) holds the list and waits for one FILE;
// the thread that has locked that FILE waits for the heap, for the line it is about to read. Only
// an allocator that goes on serving others while a fork is under way lets the ring open.
//
// Measured with BEHAVIOUR_STAND_IN: jemalloc 5.3.0 and gperftools 2.10 hang for good in the cases
// that read long lines. glibc passes, since its fork locks the heap after stdio, and so does
// mimalloc 2.0, which takes no locks.
//
// Each case ends by itself within a few seconds or is killed by its driver's watchdog.

#include <malloc.h>

#include <cstdio>
#include <cstring>

#include "fork_load.hpp"

using namespace fork_load;

namespace {

std::atomic<bool> stop{false};
char path[32];  // of a file that has no name any more, so that nothing is left of a killed run

void make_file_of_long_lines() {
  char name[] = "/tmp/behaviour-XXXXXX";
  const int fd = mkstemp(name);
  EXPECT(fd >= 0);
  unlink(name);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  FILE* file = fdopen(fd, "w");
  for (int line = 0; line < 60; ++line) {
    for (int i = 0; i < 2500 * (line % 60); ++i) fputc_unlocked('a' + i % 26, file);
    fputc_unlocked('\n', file);
  }
  EXPECT_EQ(fflush(file), 0);  // and stays open
}

// getline allocates and resizes its buffer while it holds the file's lock. The lines are long
// enough to go past any cache that a thread may have before the heap proper.
void* read_lines(void*) {
  while (!stop) {
    FILE* file = fopen(path, "r");
    EXPECT(file != nullptr);
    char* line = nullptr;
    std::size_t capacity = 0;
    while (!stop && getline(&line, &capacity, file) > 0) {
      free(line);
      line = nullptr;
      capacity = 0;
    }
    free(line);
    fclose(file);
  }
  return nullptr;
}

// The first output of each stream allocates its buffer under the stream's lock.
void* print_lines(void*) {
  while (!stop) {
    FILE* file = fopen("/dev/null", "w");
    EXPECT(file != nullptr);
    for (int i = 0; i < 20; ++i) fprintf(file, "%d %s %ls\n", i, "text", L"wide text");
    fclose(file);
    char* text = nullptr;
    std::size_t length = 0;
    FILE* memory = open_memstream(&text, &length);
    EXPECT(memory != nullptr);
    for (int i = 0; i < 1000; ++i) fprintf(memory, "%100d", i);
    fclose(memory);
    free(text);
  }
  return nullptr;
}

void* flush_everything(void*) {
  while (!stop) fflush(nullptr);
  return nullptr;
}

void* allocate(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  while (!stop) work(random, 50);
  return nullptr;
}

void fork_among(std::initializer_list<void* (*)(void*)> bodies, int forks) {
  make_file_of_long_lines();
  pthread_t threads[8];
  int count = 0;
  for (const auto body : bodies) {
    EXPECT_EQ(pthread_create(&threads[count], nullptr, body, threads + count), 0);
    ++count;
  }
  fork_repeatedly(forks, [](int) {
    free(malloc(100));
    char* text = nullptr;
    EXPECT(asprintf(&text, "a child of %d", getppid()) > 0);
    free(text);
  });
  stop = true;
  for (int i = 0; i < count; ++i) pthread_join(threads[i], nullptr);
  for (auto& slot : shared) unpack(slot.exchange(nullptr));
}

}  // namespace

CASE(reading_lines_and_flushing_while_forking) {
  fork_among({read_lines, flush_everything}, 400);
}

CASE(printing_and_flushing_while_forking) {
  fork_among({print_lines, flush_everything}, 400);
}

CASE(everything_at_once_while_forking) {
  fork_among({read_lines, print_lines, flush_everything, allocate, allocate}, 100);
}

CASE(several_threads_fork_while_others_read_and_flush) {
  fork_among({read_lines, flush_everything,
              [](void*) -> void* {
                while (!stop) {
                  const pid_t child = fork();
                  if (child == 0) _exit(malloc(10) == nullptr);
                  EXPECT_GOOD_END(child);
                }
                return nullptr;
              }},
             200);
}

CASE(the_child_uses_stdio) {
  make_file_of_long_lines();
  pthread_t threads[2];
  EXPECT_EQ(pthread_create(&threads[0], nullptr, read_lines, nullptr), 0);
  EXPECT_EQ(pthread_create(&threads[1], nullptr, flush_everything, nullptr), 0);
  fork_repeatedly(100, [](int) {
    FILE* file = fopen(path, "r");
    EXPECT(file != nullptr);
    char* line = nullptr;
    std::size_t capacity = 0;
    EXPECT(getline(&line, &capacity, file) > 0);
    free(line);
    fclose(file);
    fflush(nullptr);
  });
  stop = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}
