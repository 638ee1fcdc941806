// The library not preloaded but loaded in the middle of a program that has libc's malloc: by dlopen
// of libarenite.so, with its functions fetched by dlsym, and inside a plugin that has libarenite.a
// linked in. Two allocators then live in one process. The program break stays libc's, threads begin
// and end, the handle is closed; each block stays with the heap it came from.

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

// One heap's functions, whatever library they are of.
struct Heap {
  void* (*take)(std::size_t);
  void* (*resize)(void*, std::size_t);
  void (*give)(void*);
  int (*trim)(std::size_t);
};

constexpr Heap k_libc{malloc, realloc, free, malloc_trim};

template <typename Function>
void fetch(void* library, const char* name, Function*& function) {
  void* found = dlsym(library, name);
  if (found == nullptr) fail(__FILE__, __LINE__, "dlsym(%s): %s", name, dlerror());
  function = reinterpret_cast<Function*>(found);
}

void* load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(__FILE__, __LINE__, "dlopen: %s", dlerror());
  return library;
}

// Goes on without a preload, and returns the library that was preloaded before.
const char* without_preload() {
  if (const char* library = getenv("BEHAVIOUR_LIBRARY")) {
    setenv("LIBRARY_TO_LOAD", library, 1);
    unsetenv("BEHAVIOUR_LIBRARY");
    rerun_with({"LD_PRELOAD="});
  }
  const char* library = getenv("LIBRARY_TO_LOAD");
  if (library == nullptr) cannot_try("no library to load");
  return library;
}

Heap heap_of(void* library) {
  Heap heap{};
  fetch(library, "malloc", heap.take);
  fetch(library, "realloc", heap.resize);
  fetch(library, "free", heap.give);
  fetch(library, "malloc_trim", heap.trim);
  EXPECT(heap.take != k_libc.take && heap.give != k_libc.give);
  return heap;
}

// Random work on both heaps in turn; every block is checked before it changes hands.
void work_on_both(const Heap& ours, std::uint64_t seed) {
  struct Block {
    void* p = nullptr;
    std::size_t size = 0;
    const Heap* heap = nullptr;
  };
  std::array<Block, 150> blocks;
  Random random(seed);
  for (int round = 0; round < 12'000; ++round) {
    const std::size_t slot = random.below(blocks.size());
    Block& block = blocks[slot];
    if (block.p == nullptr) {
      block.heap = random.below(2) == 0 ? &ours : &k_libc;
      block.size = random.size(round % 40 == 0 ? 400'000 : 4000);
      block.p = block.heap->take(block.size);
    } else if (random.below(3) == 0) {
      const std::size_t size = random.size(50'000);
      EXPECT(intact(block.p, block.size, slot));
      block.p = block.heap->resize(block.p, size + 1);
      block.size = size;
    } else {
      EXPECT(intact(block.p, block.size, slot));
      block.heap->give(block.p);
      block.p = nullptr;
      continue;
    }
    EXPECT(block.p != nullptr);
    fill(block.p, block.size, slot);
    if (round % 3000 == 0) random.below(2) == 0 ? ours.trim(0) : k_libc.trim(0);
  }
  for (std::size_t slot = 0; slot < blocks.size(); ++slot) {
    if (blocks[slot].p == nullptr) continue;
    EXPECT(intact(blocks[slot].p, blocks[slot].size, slot));
    blocks[slot].heap->give(blocks[slot].p);
  }
}

void work_in_threads(const Heap& ours) {
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&ours, seed] { work_on_both(ours, seed); });
  }
  for (std::thread& thread : threads) thread.join();
}

// A thread that uses a heap, waits, and ends when it is told to.
struct Sleeper {
  std::atomic<int> step{0};
  std::thread thread;

  explicit Sleeper(void (*use)(void*), void* context)
      : thread([this, use, context] {
          use(context);
          step = 1;
          while (step != 2) usleep(500);
        }) {
    while (step != 1) usleep(500);
  }
  void end() {
    step = 2;
    thread.join();
  }
};

}  // namespace

CASE(a_loaded_library_is_a_heap_beside_libcs) {
  const Heap ours = heap_of(load(without_preload()));
  work_on_both(ours, 100);
  work_in_threads(ours);
}

// What goes by another function's name goes by ours: the name is libc's here.
CASE(its_functions_stay_among_themselves) {
  void* library = load(without_preload());
  const Heap ours = heap_of(library);
  void* (*resize_array)(void*, std::size_t, std::size_t) = nullptr;
  void (*give_sized)(void*, std::size_t) = nullptr;
  void* (*make)(std::size_t) = nullptr;
  void (*drop)(void*) = nullptr;
  void* (*make_aligned)(std::size_t, std::align_val_t) = nullptr;
  std::size_t (*usable)(void*) = nullptr;
  fetch(library, "reallocarray", resize_array);
  fetch(library, "free_sized", give_sized);
  fetch(library, sizeof(void*) == 8 ? "_Znwm" : "_Znwj", make);
  fetch(library, "_ZdlPv", drop);
  fetch(library, sizeof(void*) == 8 ? "_ZnwmSt11align_val_t" : "_ZnwjSt11align_val_t",
        make_aligned);
  fetch(library, "malloc_usable_size", usable);
  for (const std::size_t size : {100, 5000, 300'000}) {
    void* p = ours.take(size);
    fill(p, size, 1);
    p = resize_array(p, size, 2);
    EXPECT(intact(p, size, 1));
    EXPECT_AT_LEAST(usable(p), 2 * size);
    give_sized(p, 2 * size);
    p = make(size);
    EXPECT_AT_LEAST(usable(p), size);
    ours.give(p);
    drop(ours.take(size));
    ours.give(make_aligned(size, std::align_val_t{256}));
  }
}

// sbrk in two threads at once may give both the same memory: only one of two heaps may call it.
CASE(the_break_stays_libcs) {
  const Heap ours = heap_of(load(without_preload()));
  ours.give(ours.take(1));
  const void* before = sbrk(0);
  std::vector<void*> blocks(3000);
  for (void*& block : blocks) {
    block = ours.take(10'000);
    fill(block, 10'000, 7);
  }
  EXPECT(sbrk(0) == before);
  for (void* block : blocks) {
    EXPECT(intact(block, 10'000, 7));
    ours.give(block);
  }
  EXPECT(sbrk(0) == before);
}

CASE(it_serves_threads_that_began_before_it_was_loaded) {
  static std::atomic<const Heap*> shared{nullptr};
  const char* path = without_preload();
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    threads.emplace_back([seed] {
      while (shared == nullptr) usleep(500);
      work_on_both(*shared, seed);
    });
  }
  static Heap ours{};
  // Loaded by a thread that ends before the others begin to use it.
  std::thread([path] { ours = heap_of(load(path)); }).join();
  shared = &ours;
  for (std::thread& thread : threads) thread.join();
}

CASE(its_functions_and_blocks_outlive_dlclose) {
  void* library = load(without_preload());
  static Heap ours = heap_of(library);
  void* before = ours.take(1000);
  fill(before, 1000, 1);
  Sleeper sleeper([](void*) { ours.give(ours.take(100)); }, nullptr);
  EXPECT_EQ(dlclose(library), 0);
  EXPECT(intact(before, 1000, 1));
  before = ours.resize(before, 300'000);
  EXPECT(intact(before, 1000, 1));
  ours.give(before);
  work_in_threads(ours);
  sleeper.end();
}

CASE(a_child_may_use_both_heaps) {
  const Heap ours = heap_of(load(without_preload()));
  work_on_both(ours, 5);
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      work_on_both(ours, static_cast<std::uint64_t>(i));
      _exit(0);
    }
    work_on_both(ours, static_cast<std::uint64_t>(i));
    EXPECT_GOOD_END(child);
  }
}

CASE(a_plugin_may_have_the_archive_inside) {
  without_preload();
  void* library = load(PLUGIN_WITH_ARCHIVE);
  void* (*malloc_address)() = nullptr;
  void* (*make)(std::size_t) = nullptr;
  int (*is_good)(const void*) = nullptr;
  void (*drop)(void*) = nullptr;
  static std::size_t (*work)(unsigned) = nullptr;
  fetch(library, "plugin_malloc_address", malloc_address);
  fetch(library, "plugin_make", make);
  fetch(library, "plugin_bytes_are_good", is_good);
  fetch(library, "plugin_drop", drop);
  fetch(library, "plugin_work", work);
  Dl_info info{};
  EXPECT(dladdr(malloc_address(), &info) != 0);
  EXPECT_EQ(strcmp(info.dli_fname, PLUGIN_WITH_ARCHIVE), 0);

  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed] {
      for (int i = 0; i < 5; ++i) EXPECT_AT_LEAST(work(seed), 1'000'000);
    });
  }
  void* made = make(100'000);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(is_good(made), 1);
  drop(made);
  EXPECT_EQ(dlclose(library), 0);
}

CASE(such_a_plugin_may_be_closed_while_its_threads_live) {
  without_preload();
  for (int i = 0; i < 3; ++i) {
    void* library = load(PLUGIN_WITH_ARCHIVE);
    static std::size_t (*work)(unsigned) = nullptr;
    fetch(library, "plugin_work", work);
    EXPECT_AT_LEAST(work(1), 1'000'000);
    Sleeper sleeper([](void*) { EXPECT_AT_LEAST(work(2), 1'000'000); }, nullptr);
    EXPECT_EQ(dlclose(library), 0);
    // Nothing that the thread's end calls may lie in memory that is gone; nor what fork calls.
    sleeper.end();
    const pid_t child = fork();
    if (child == 0) _exit(0);
    EXPECT_GOOD_END(child);
  }
}

namespace {

int (*g_brief_work)(unsigned) = nullptr;

int threads_now() {
  char text[4096] = {};
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  EXPECT(file >= 0 && read(file, text, sizeof(text) - 1) > 0);
  close(file);
  const char* line = strstr(text, "Threads:");
  EXPECT(line != nullptr);
  return atoi(line + strlen("Threads:"));
}

void* load_brief() {
  void* library = load(BRIEF_PLUGIN);
  fetch(library, "brief_work", g_brief_work);
  EXPECT_EQ(g_brief_work(1), 1);
  return library;
}
void close_brief(void* library) {
  EXPECT_EQ(dlclose(library), 0);
  EXPECT(dlopen(BRIEF_PLUGIN, RTLD_NOW | RTLD_NOLOAD) == nullptr);  // or nothing is tried here
}

}  // namespace

CASE(a_plugin_with_the_archive_may_be_unloaded_while_its_threads_live) {
  without_preload();
  for (int i = 0; i < 3; ++i) {
    void* library = load_brief();
    Sleeper sleeper([](void*) { EXPECT_EQ(g_brief_work(2), 1); }, nullptr);
    close_brief(library);
    sleeper.end();
    const pid_t child = fork();
    if (child == 0) _exit(0);
    EXPECT_GOOD_END(child);
  }
}

CASE(an_unloaded_plugin_with_the_archive_gives_its_key_back) {
  without_preload();
  pthread_key_t first{};
  for (int i = 0; i < 10; ++i) {
    close_brief(load_brief());
    pthread_key_t next{};
    EXPECT_EQ(pthread_key_create(&next, nullptr), 0);
    EXPECT_EQ(pthread_key_delete(next), 0);
    if (i == 0) first = next;
    EXPECT_EQ(next, first);
  }
}

CASE(a_plugin_with_the_archive_takes_its_thread_in_the_background_along) {
  setenv("ARENITE_BACKGROUND_PURGE", "1", 1);
  without_preload();
  for (int i = 0; i < 3; ++i) {
    void* library = load_brief();
    for (int round = 0; round < 30; ++round) EXPECT_EQ(g_brief_work(3), 1);
    EXPECT_EQ(threads_now(), mode_is_classic() ? 1 : 2);
    close_brief(library);
    for (int left = 100; left > 0 && threads_now() != 1; --left) usleep(10'000);
    EXPECT_EQ(threads_now(), 1);
    usleep(1'200'000);
  }
}
