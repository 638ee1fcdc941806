// Experiment lazy: a large block is asked for, then written to bit by bit, then freed. When does it
// become memory?
//
// One byte in each page is enough to write. The page lazy.md says what to expect and why.

#include <unistd.h>

#include <cstdlib>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "lazy";
constexpr size_t k_mib = 1024 * 1024;

void write_pages(volatile char* from, volatile char* to) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (; from < to; from += page) *from = 1;
}

void run(size_t bytes) {
  Steps steps;
  char* block = nullptr;
  steps.run("malloced", [&] {
    block = static_cast<char*>(malloc(bytes));
    if (block == nullptr) fail(1, k_program, "out of memory");
    use(block);
  });
  steps.run("half written", [&] { write_pages(block, block + bytes / 2); });
  steps.run("all written", [&] { write_pages(block + bytes / 2, block + bytes); });
  steps.run("freed", [&] { free(block); });
}

constexpr char k_help[] =
    "usage: lazy [--mebibytes N]\n"
    "Takes a block of N MiB (256), writes to it, frees it, and prints one JSON line a step.\n"
    "Best started by `arenite lab lazy`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t mebibytes = 256;
  read_arguments(argc, argv, k_program, k_help, {{"--mebibytes", &mebibytes, 1, 16 * 1024}});
  run(mebibytes * k_mib);
}
