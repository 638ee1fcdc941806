// Experiment brk-or-mmap: which request is served from the heap that brk() grows, and which by a
// mapping of its own?
//
// Two tables of requests, each made in a child of its own, so that none finds what another left,
// and with no more than a few KiB free at the heap's end, or a large request would be served from
// there whatever the threshold: one as it is, one after mallopt(M_MMAP_THRESHOLD, 64 KiB). Then, in
// one process, the threshold moves: a mapping is freed, and the same request takes the other way.
//
// Outside of [heap] a block's free tells what it was: if its address goes with it, it had a mapping
// of its own; if not, it was a part of something larger, a region.
// The page brk-or-mmap.md says what to expect and why.

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "children.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "brk_or_mmap";
constexpr int k_lower_threshold = 64 * 1024;
constexpr size_t k_mib = 1024 * 1024;

// Around each threshold the two requests that its last byte parts: for chunks it counts 8 bytes of
// header, rounded to 16.
constexpr size_t k_requests[] = {
    1,       1024,    16 * 1024, 65'512,        65'513,    65'536,     131'048,
    131'049, 131'072, k_mib,     4 * k_mib - 1, 4 * k_mib, 64 * k_mib,
};

// Whether there is anything at an address.
bool is_mapped(const void* address) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t start = reinterpret_cast<uintptr_t>(address) / page * page;
  unsigned char is_resident = 0;
  return mincore(reinterpret_cast<void*>(start), 1, &is_resident) == 0;
}

// Frees a block. Where it was.
std::string_view place_of_freed(void* block, KernelCalls* calls = nullptr) {
  const bool was_in_heap = is_in_heap(look(), block);
  const void* volatile address = block;
  const KernelCalls before = kernel_calls_so_far();
  free(block);
  if (calls != nullptr) *calls = kernel_calls_so_far().since(before);
  if (was_in_heap) return "[heap]";
  return is_mapped(address) ? "region" : "mapping";
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
  const CallsText malloc_calls(kernel_calls_so_far().since(before));
  if (block == nullptr) fail(1, k_program, "out of memory");
  KernelCalls calls;
  const std::string_view place = place_of_freed(block, &calls);
  const CallsText free_calls(calls);
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

// Rows say where each block was, so that it can be seen without a tracer.
void move_threshold(Steps& steps) {
  void* block = nullptr;
  std::string_view place;
  const auto take = [&](std::string_view name) {
    steps.run(name, [&] {
      block = malloc(k_mib);
      if (block == nullptr) fail(1, k_program, "out of memory");
      use(block);
    });
  };
  const auto give = [&](std::string_view name, std::string_view taken) {
    steps.run(name, [&] { place = place_of_freed(block); });
    steps.row("places", {Figure::text("step", taken), Figure::text("place", place)});
  };
  take("1 MiB taken");
  give("freed", "1 MiB taken");
  take("1 MiB again");
  give("freed again", "1 MiB again");
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
