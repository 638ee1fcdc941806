// Experiment arena-limit: more threads than arenas. How many arenas are there, who shares one with
// whom, and what do they cost?
//
// The main thread and then each other, one after the other, asks for its first block of 1,000
// bytes, which no thread's cache has and for which there is no slab yet. Where the block lies tells
// the arena: [heap] is the main arena's, and any other's heaps are aligned to their size. Then all
// work at once with larger blocks, so that the time can be compared. The page arena-limit.md says
// what to expect and why.
//
// The number of processors decides, so the program confines itself to a few and begins anew: an
// allocator may count at its start, and those that it may use or those that there are.

#include <malloc.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "steps.hpp"
#include "worker.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "arena_limit";
constexpr size_t k_bytes = 1'000;
constexpr size_t k_work_bytes = 10'000;  // more than caches and slabs serve
constexpr size_t k_most_threads = 1000;
constexpr int k_rounds = 50'000;
constexpr uintptr_t k_heap_span = sizeof(void*) == 8 ? 64 * 1024 * 1024 : 1024 * 1024;

void* take(size_t bytes) {
  void* const block = malloc(bytes);
  if (block == nullptr) fail(1, k_program, "out of memory");
  use(block);
  return block;
}

size_t processors(const cpu_set_t& set) {
  return static_cast<size_t>(CPU_COUNT(&set));
}

// How many processors the process may use; 0 where the kernel has more than fit the mask.
size_t processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? processors(set) : 0;
}

// Gives up all processors but `most` and starts the program again. Does nothing, and so ends, once
// there are no more.
void confine_to(size_t most, char** argv) {
  cpu_set_t set;
  if (most == 0 || sched_getaffinity(0, sizeof set, &set) != 0 || processors(set) <= most) return;
  for (size_t cpu = CPU_SETSIZE; processors(set) > most; cpu--) CPU_CLR(cpu - 1, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail(1, k_program, "cannot be confined");
  execv("/proc/self/exe", argv);
  fail(1, k_program, "cannot start again");
}

// An arena by its place: 0 is [heap], else where the heap begins.
using Place = uintptr_t;

Place place_of(const KernelView& view, const void* block) {
  return is_in_heap(view, block) ? 0 : reinterpret_cast<uintptr_t>(block) & ~(k_heap_span - 1);
}

// "main, 16": the threads whose blocks lie in one place.
class ThreadList {
 public:
  void add(size_t thread) {
    if (size_ + k_longest > sizeof text_) return;
    if (size_ > 0) put(", ");
    if (thread == 0) return put("main");
    size_ =
        static_cast<size_t>(std::to_chars(text_ + size_, text_ + sizeof text_, thread).ptr - text_);
  }
  std::string_view words() const { return {text_, size_}; }

 private:
  static constexpr size_t k_longest = 8;  // ", 1000"

  void put(std::string_view words) {
    for (const char c : words) text_[size_++] = c;
  }

  size_t size_ = 0;
  char text_[4000];
};

// The arenas in the order in which the threads came to them, each with its threads. How many.
size_t print_arenas(Steps& steps, void* const* blocks, size_t count) {
  const KernelView view = look();
  size_t arenas = 0;
  for (size_t i = 0; i < count; i++) {
    const Place place = place_of(view, blocks[i]);
    size_t first = 0;
    while (place_of(view, blocks[first]) != place) first++;
    if (first != i) continue;  // told already
    ThreadList threads;
    size_t sharing = 0;
    for (size_t j = i; j < count; j++) {
      if (place_of(view, blocks[j]) != place) continue;
      threads.add(j);
      sharing++;
    }
    steps.row("arenas", {Figure::number("arena", ++arenas), Figure::number("sharing", sharing),
                         Figure::text("threads", threads.words())});
  }
  return arenas;
}

// As the allocator itself counts: malloc_info has a <heap> for each arena, and arenite's one more
// for the slabs and one for regions of larger blocks. Where there are slabs a block's place does
// not tell its arena: all lie in their region.
struct Told {
  size_t arenas;
  bool has_slabs;
};
Told told_by_malloc_info() {
  char* text = nullptr;
  size_t size = 0;
  FILE* const out = open_memstream(&text, &size);
  if (out == nullptr || malloc_info(0, out) != 0) fail(1, k_program, "malloc_info fails");
  fclose(out);
  const auto times = [&](const char* words) {
    size_t n = 0;
    for (const char* at = text; (at = strstr(at, words)) != nullptr; at++) n++;
    return n;
  };
  const size_t slabs = times("<!-- slabs -->");
  const size_t arenas = times("<heap nr=") - slabs - times("<!-- spans -->");
  free(text);
  return {arenas, slabs != 0};
}

Worker s_workers[k_most_threads];
void* s_blocks[k_most_threads + 1];  // the main thread's comes first

void run(size_t threads) {
  Steps steps;
  steps.run("threads created", [&] {
    for (size_t i = 0; i < threads; i++) s_workers[i].start();
  });
  steps.run("each has asked", [&] {
    s_blocks[0] = take(k_bytes);
    for (size_t i = 0; i < threads; i++) {
      s_workers[i].perform([&] { s_blocks[i + 1] = take(k_bytes); });
    }
  });
  const Told told = told_by_malloc_info();
  const size_t arenas = told.has_slabs ? 0 : print_arenas(steps, s_blocks, threads + 1);
  const auto count = [&](std::string_view what, size_t n) {
    steps.row("counts", {Figure::text("what", what), Figure::number("count", n)});
  };
  count("threads", threads + 1);
  count("processors of the machine", static_cast<size_t>(get_nprocs()));
  count("processors of the program", processors());
  if (!told.has_slabs) count("arenas, by addresses", arenas);
  count("arenas, by malloc_info", told.arenas);

  const auto work = [] {
    for (int i = 0; i < k_rounds; i++) free(take(k_work_bytes));
  };
  steps.run("all have worked", [&] {
    for (size_t i = 0; i < threads; i++) s_workers[i].begin(work);
    for (size_t i = 0; i < threads; i++) s_workers[i].finish();
  });
  for (size_t i = 0; i < threads; i++) s_workers[i].end();
}

constexpr char k_help[] =
    "usage: arena_limit [--threads N] [--processors N] [--arena-max N]\n"
    "N threads (24), on N processors at most (2; 0: all), ask for memory; their arenas are "
    "counted,\n"
    "as one JSON line each. With --arena-max mallopt(M_ARENA_MAX, N) is called first.\n"
    "Best started by `arenite lab arena-limit`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t threads = 24;
  uint64_t most_processors = 2;
  uint64_t arena_max = 0;
  read_arguments(argc, argv, k_program, k_help,
                 {{"--threads", &threads, 1, k_most_threads},
                  {"--processors", &most_processors, 0, CPU_SETSIZE},
                  {"--arena-max", &arena_max, 0, 1000}});
  confine_to(most_processors, argv);
  if (arena_max != 0) mallopt(M_ARENA_MAX, static_cast<int>(arena_max));
  run(threads);
}
