// Experiment brk-or-mmap: which request is served from the heap that brk() grows, and which by a
// mapping of its own?
//
// Two tables of requests, each made in a child of its own, so that none finds what another left,
// and with no more than a few KiB free at the heap's end, or a large request would be served from
// there whatever the threshold: one as it is, one after mallopt(M_MMAP_THRESHOLD, 64 KiB). Then, in
// one process, the threshold moves: a mapping is freed, and the same request takes the other way.
// The page brk-or-mmap.md says what to expect and why.

#include <malloc.h>

#include <cstdlib>

#include "children.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "brk_or_mmap";
constexpr int k_lower_threshold = 64 * 1024;
constexpr size_t k_mib = 1024 * 1024;

// Around each threshold the two requests that its last byte parts: 8 bytes of header, rounded
// to 16.
constexpr size_t k_requests[] = {
    1, 1024, 16 * 1024, 65'512, 65'513, 65'536, 131'048, 131'049, 131'072, k_mib, 64 * k_mib,
};

std::string_view place_of(const void* block) {
  return is_in_heap(look(), block) ? "[heap]" : "mapping";
}

// Takes blocks until the heap has just grown, which leaves M_TOP_PAD, 128 KiB, free at its end, and
// then all of that but some 8 KiB. Does little where there is no [heap].
void fill_the_top() {
  constexpr size_t k_block = 60 * 1024;
  constexpr int k_most = 16;
  const uint64_t before = look().heap_bytes;
  for (int i = 0; i < k_most && look().heap_bytes == before; i++) use(malloc(k_block));
  for (int i = 0; i < 2; i++) use(malloc(k_block));
}

// One request and its free, as a row.
void try_request(Steps& steps, std::string_view table, size_t bytes) {
  const KernelCalls before = kernel_calls_so_far();
  void* const block = malloc(bytes);
  const KernelCalls taken = kernel_calls_so_far();
  if (block == nullptr) fail(1, k_program, "out of memory");
  const std::string_view place = place_of(block);
  const KernelCalls between = kernel_calls_so_far();
  free(block);
  const CallsText malloc_calls(taken.since(before));
  const CallsText free_calls(kernel_calls_so_far().since(between));
  steps.row(table,
            {Figure::number("asked", bytes), Figure::text("place", place),
             Figure::text("malloc_calls", malloc_calls), Figure::text("free_calls", free_calls)});
}

void prepare() {
  void* const first = malloc(1);  // what an allocator does after a fork is not what is asked here
  use(first);
  free(first);
  fill_the_top();
}

void try_requests(Steps& steps) {
  for (const size_t bytes : k_requests) {
    in_a_child(k_program, [&] {
      prepare();
      try_request(steps, "requests", bytes);
    });
  }
  for (const size_t bytes : k_requests) {
    in_a_child(k_program, [&] {
      prepare();
      mallopt(M_MMAP_THRESHOLD, k_lower_threshold);
      try_request(steps, "requests after mallopt", bytes);
    });
  }
}

// Each step says where its block was, so that it can be seen without a tracer.
void move_threshold(Steps& steps) {
  void* block = nullptr;
  const auto take = [&](std::string_view name) {
    steps.run(name, [&] {
      block = malloc(k_mib);
      if (block == nullptr) fail(1, k_program, "out of memory");
      use(block);
    });
    steps.row("places", {Figure::text("step", name), Figure::text("place", place_of(block))});
  };
  const auto give = [&](std::string_view name) { steps.run(name, [&] { free(block); }); };
  take("1 MiB taken");
  give("freed");
  take("1 MiB again");
  give("freed again");
  steps.run("threshold set", [] { mallopt(M_MMAP_THRESHOLD, k_lower_threshold); });
}

constexpr char k_help[] =
    "usage: brk_or_mmap\n"
    "Shows where requests of several sizes are served from and prints a JSON line for each.\n"
    "Best started by `arenite lab brk-or-mmap`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv, k_program, k_help, {});
  Steps steps;
  try_requests(steps);
  move_threshold(steps);
}
