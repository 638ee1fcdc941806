// Experiment unbalanced: thread 1 uses 300 MB and frees it, then thread 2 needs 300 MB.
//
// Both stay to the end, unless --ends 1 lets thread 1 end before thread 2 begins. Of its blocks
// thread 1 keeps the last one (--keeps), as a program keeps its result; it lies behind all others.
// Every block is written to. The page unbalanced.md says what to expect and why.

#include <malloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "steps.hpp"
#include "worker.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "unbalanced";
constexpr uint64_t k_mega = 1'000'000;

struct Options {
  uint64_t megabytes = 300;
  uint64_t bytes = 1000;
  uint64_t keeps = 1;
  uint64_t ends = 0;
};

// The addresses of all blocks, in memory of their own, all of it resident before anybody looks.
void** address_memory(size_t count) {
  void* const memory = mmap(nullptr, count * sizeof(void*), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) fail(1, k_program, "out of memory");
  return static_cast<void**>(memory);
}

void run(const Options& options) {
  const size_t count = options.megabytes * k_mega / options.bytes;
  void** const blocks = address_memory(count);
  const auto take_all = [&] {
    for (size_t i = 0; i < count; i++) {
      blocks[i] = malloc(options.bytes);
      if (blocks[i] == nullptr) fail(1, k_program, "out of memory");
      memset(blocks[i], 1, options.bytes);
    }
  };
  const auto free_but = [&](size_t kept) {
    for (size_t i = 0; i < count - kept; i++) free(blocks[i]);
  };

  Steps steps;
  Worker first;
  Worker second;
  first.start();
  steps.run("1 has its blocks", [&] { first.perform(take_all); });
  steps.run("1 freed them", [&] {
    first.perform([&] { free_but(options.keeps); });
    if (options.ends != 0) first.end();
  });
  second.start();
  steps.run("2 has its blocks", [&] { second.perform(take_all); });
  steps.run("2 freed them", [&] { second.perform([&] { free_but(0); }); });
  steps.run("malloc_trim", [] { malloc_trim(0); });
  if (options.ends == 0) first.end();
  second.end();
}

constexpr char k_help[] =
    "usage: unbalanced [--megabytes N] [--bytes N] [--keeps 0|1] [--ends 0|1]\n"
    "One thread takes N MB (300) in blocks of N bytes (1,000) and frees them, all but the last\n"
    "one with --keeps 1 (1); then another does the same, and frees all. With --ends 1 the first\n"
    "ends before that (0). Prints one JSON line a step.\n"
    "Best started by `arenite lab unbalanced`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  Options options;
  read_arguments(argc, argv, k_program, k_help,
                 {{"--megabytes", &options.megabytes, 1, 2000},
                  {"--bytes", &options.bytes, 1, 100'000},
                  {"--keeps", &options.keeps, 0, 1},
                  {"--ends", &options.ends, 0, 1}});
  run(options);
}
