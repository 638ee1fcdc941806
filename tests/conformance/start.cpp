// From the first instruction to the last: calls before constructors, from dlsym and dlerror, in
// libraries that come and go, from the destructors of threads, and while the process exits.
//
// What must happen before main happens in every case; each case looks at one result of it.

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

struct Early {
  void* small = nullptr;
  void* large = nullptr;
  void* zero = nullptr;
  void* aligned = nullptr;

  void make() {
    small = malloc(100);
    large = malloc(1_MiB);
    zero = calloc(10, 100);
    aligned = aligned_alloc(4096, 4096);
    fill(small, 100, 1);
    fill(large, 1_MiB, 2);
    small = realloc(small, 5000);
    free(malloc(3000));
  }

  void check_and_free() {
    EXPECT(small != nullptr && intact(small, 96, 1));
    EXPECT(large != nullptr && intact(large, 1_MiB, 2));
    EXPECT(zero != nullptr && all_bytes_are(zero, 1000, 0));
    EXPECT(aligned != nullptr && is_aligned(aligned, 4096));
    for (void* p : {small, large, zero, aligned}) free(p);
  }
};

constinit Early in_preinit, in_constructor;
constinit char* message_of_dlerror = nullptr;

void in_a_child(void (*body)()) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    exit(0);
  }
  EXPECT_GOOD_END(child);
}

void churn() {
  void* blocks[50];
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < 50; ++i) memset(blocks[i] = malloc(i * 100), 1, i * 100);
    for (void* p : blocks) free(p);
  }
}

}  // namespace

// The first code of the program itself, before the constructors of its libraries.
static void before_constructors() {
  in_preinit.make();
  dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere");
  if (const char* message = dlerror()) message_of_dlerror = strdup(message);
}
[[gnu::section(".preinit_array"), gnu::used]] static void (*const preinit)() = before_constructors;

[[gnu::constructor(101)]] static void first_constructor() {
  in_constructor.make();
}

[[gnu::destructor(101)]] static void last_destructor() {
  churn();
}

CASE(calls_before_constructors) {
  in_preinit.check_and_free();
}

CASE(calls_in_the_first_constructor) {
  in_constructor.check_and_free();
}

CASE(calls_from_dlsym_and_dlerror_before_constructors) {
  EXPECT(message_of_dlerror != nullptr);
  EXPECT(strstr(message_of_dlerror, "no_such_symbol_anywhere") != nullptr);
  free(message_of_dlerror);
}

CASE(calls_in_exit_handlers_and_destructors) {
  in_a_child([] {
    static void* left;
    left = malloc(1000);
    fill(left, 1000, 3);
    atexit([] {
      churn();
      EXPECT(intact(left, 1000, 3));
      free(left);
      atexit(churn);
    });
    on_exit([](int, void* p) { free(p); }, malloc(300));
  });
}

CASE(calls_in_exit_handlers_with_threads_running) {
  for (int i = 0; i < 20; ++i)
    in_a_child([] {
      pthread_t thread;
      for (int t = 0; t < 3; ++t)
        EXPECT_EQ(pthread_create(
                      &thread, nullptr,
                      [](void*) -> void* {
                        for (;;) churn();
                      },
                      nullptr),
                  0);
      usleep(1000);
      atexit(churn);
    });
}

CASE(calls_in_destructors_of_thread_data) {
  static pthread_key_t keys[8];
  // Each destructor allocates for the next key, also in the rounds after all have run once.
  for (pthread_key_t& key : keys)
    EXPECT_EQ(pthread_key_create(&key,
                                 [](void* p) {
                                   EXPECT(intact(p, 500, 4));
                                   free(p);
                                   void* next = malloc(500);
                                   fill(next, 500, 4);
                                   static thread_local int rounds = 0;
                                   if (++rounds < 20)
                                     pthread_setspecific(keys[rounds % 8], next);
                                   else
                                     free(next);
                                 }),
              0);
  for (int i = 0; i < 50; ++i) {
    pthread_t thread;
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    void* p = malloc(500);
                    fill(p, 500, 4);
                    pthread_setspecific(keys[3], p);
                    return nullptr;
                  },
                  nullptr),
              0);
    EXPECT_EQ(pthread_join(thread, nullptr), 0);
  }
}

CASE(calls_in_destructors_of_thread_local_objects) {
  struct Owner {
    void* blocks[20] = {};
    ~Owner() {
      for (void*& p : blocks) {
        EXPECT(intact(p, 2000, 5));
        free(p);
        p = malloc(100);
      }
      for (void* p : blocks) free(p);
      churn();
    }
  };
  for (int i = 0; i < 50; ++i) {
    pthread_t thread;
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void*) -> void* {
                    static thread_local Owner owner;
                    for (void*& p : owner.blocks) fill(p = malloc(2000), 2000, 5);
                    return nullptr;
                  },
                  nullptr),
              0);
    EXPECT_EQ(pthread_join(thread, nullptr), 0);
  }
}

CASE(libraries_that_allocate_come_and_go) {
  const char* path = BEHAVIOUR_MODULE;
  pthread_t threads[3];
  for (pthread_t& thread : threads)
    EXPECT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void* argument) -> void* {
                    for (int i = 0; i < 60; ++i) {
                      void* module = dlopen(static_cast<const char*>(argument), RTLD_NOW);
                      if (module == nullptr) fail(__FILE__, __LINE__, "dlopen: %s", dlerror());
                      auto make = reinterpret_cast<void* (*)(std::size_t)>(dlsym(module, "make"));
                      auto take = reinterpret_cast<void (*)(void*)>(dlsym(module, "take"));
                      void* p = make(1000);
                      EXPECT(p != nullptr && malloc_usable_size(p) >= 1000);
                      free(p);
                      take(malloc(2000));
                      EXPECT_EQ(dlclose(module), 0);
                    }
                    return nullptr;
                  },
                  const_cast<char*>(path)),
              0);
  for (pthread_t thread : threads) EXPECT_EQ(pthread_join(thread, nullptr), 0);
}

CASE(the_library_may_be_loaded_late_beside_another_malloc) {
  // Two heaps share one break: what each took, the other must leave alone.
  const char* library = getenv("BEHAVIOUR_LIBRARY");
  if (library == nullptr) cannot_try("no library was named");
  char variable[1024];
  snprintf(variable, sizeof(variable), "BEHAVIOUR_LOADED=%s", library);
  rerun_with({"LD_PRELOAD=", "BEHAVIOUR_LIBRARY=", variable});
  for (int i = 0; i < 100; ++i) keep(malloc(1000));
  void* loaded = dlopen(getenv("BEHAVIOUR_LOADED"), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) fail(__FILE__, __LINE__, "dlopen: %s", dlerror());
  auto their_malloc = reinterpret_cast<void* (*)(std::size_t)>(dlsym(loaded, "malloc"));
  auto their_free = reinterpret_cast<void (*)(void*)>(dlsym(loaded, "free"));
  EXPECT(their_malloc != nullptr && their_malloc != malloc);
  constexpr std::size_t k_blocks = 2000;
  static void *ours[k_blocks], *theirs[k_blocks];
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < k_blocks; ++i) {
      const std::size_t size = 10 + i * 7;
      fill(ours[i] = malloc(size), size, i);
      fill(theirs[i] = their_malloc(size), size, i + 1);
    }
    for (std::size_t i = 0; i < k_blocks; ++i) {
      const std::size_t size = 10 + i * 7;
      EXPECT(intact(ours[i], size, i) && intact(theirs[i], size, i + 1));
      free(ours[i]);
      their_free(theirs[i]);
    }
  }
}
