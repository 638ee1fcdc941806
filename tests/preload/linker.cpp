// Requests that the dynamic linker makes, and other libraries between the program and us: dlsym and
// dlerror, dlopen and dlclose under load, thread-local memory of a loaded library (made by the
// linker at the first access in each thread), and a wrapper that is preloaded too, in front of us
// or behind.

#include <dlfcn.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

// Of the preloaded wrapper (wrapper.cpp); null where it is not preloaded.
extern "C" [[gnu::weak]] long wrapper_calls();
extern "C" [[gnu::weak]] const char* wrapper_next();

namespace {

constexpr int k_threads = 4;

template <typename Body>
void in_threads(Body body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < k_threads; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

template <typename Function>
Function* symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) fail(__FILE__, __LINE__, "dlsym(%s): %s", name, dlerror());
  return reinterpret_cast<Function*>(found);
}

std::string our_library() {
  const char* library = getenv("BEHAVIOUR_LIBRARY");
  if (library == nullptr) cannot_try("nothing is preloaded");
  return library;
}

const char* library_of(void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 ? info.dli_fname : "none";
}

}  // namespace

CASE(failing_dlsym_and_dlopen_allocate_their_messages) {
  in_threads([](int) {
    for (int i = 0; i < 300; ++i) {
      EXPECT(dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere") == nullptr);
      const char* message = dlerror();
      EXPECT(message != nullptr && strstr(message, "no_such_symbol_anywhere") != nullptr);
      EXPECT(dlopen("/no/such/library.so", RTLD_NOW) == nullptr);
      if (i % 2 == 0) EXPECT(strstr(dlerror(), "/no/such/library.so") != nullptr);
      EXPECT(dlsym(RTLD_NEXT, "malloc") != nullptr);
    }
  });
}

CASE(libraries_come_and_go_while_threads_allocate) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&over, i] {
      Random random(static_cast<std::uint64_t>(i) + 1);
      for (std::uint64_t round = 0; !over; ++round) {
        const std::size_t size = random.size(20'000);
        void* p = keep(malloc(size));
        fill(p, size, round);
        EXPECT(intact(p, size, round));
        free(p);
      }
    });
  }
  for (int i = 0; i < 150; ++i) {
    void* library = dlopen(PLUGIN_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) fail(__FILE__, __LINE__, "%s", dlerror());
    void* made = symbol<void*(std::size_t)>(library, "plugin_make")(5000);
    EXPECT_EQ(symbol<int(void*)>(library, "plugin_bytes_are_good")(made), 1);
    EXPECT_EQ(dlclose(library), 0);
    free(made);  // of the same heap as the plugin's, which is gone
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
}

CASE(thread_local_memory_of_a_loaded_library) {
  void* library = dlopen(PLUGIN_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(__FILE__, __LINE__, "%s", dlerror());
  auto* scratch = symbol<unsigned char*()>(library, "plugin_scratch");
  auto* scratch_size = symbol<std::size_t()>(library, "plugin_scratch_size");
  for (int round = 0; round < 30; ++round) {
    in_threads([&](int i) {
      unsigned char* mine = scratch();
      EXPECT(is_aligned(mine, 64));
      EXPECT(all_bytes_are(mine, scratch_size(), 0));
      memset(mine, i + 1, scratch_size());
      std::vector<std::string> texts(50, std::string(200, 'x'));
      EXPECT(all_bytes_are(mine, scratch_size(), static_cast<unsigned char>(i + 1)));
      EXPECT_EQ(texts.size(), 50);
    });
  }
  EXPECT_EQ(dlclose(library), 0);
}

CASE(a_wrapper_in_front_finds_us_by_dlsym) {
  const std::string library = our_library();
  if (wrapper_calls == nullptr) {
    const std::string chain = "LD_PRELOAD=" WRAPPER_LIBRARY ":" + library;
    rerun_with(
        {chain.c_str(), "BEHAVIOUR_LIBRARY=" WRAPPER_LIBRARY, ("TRUE_LIBRARY=" + library).c_str()});
  }
  EXPECT(wrapper_calls != nullptr);
  EXPECT_EQ(strcmp(wrapper_next(), getenv("TRUE_LIBRARY")), 0);
  const long before = wrapper_calls();
  in_threads([](int) {
    for (int i = 0; i < 1000; ++i) free(keep(malloc(static_cast<std::size_t>(i) * 30)));
  });
  EXPECT_AT_LEAST(wrapper_calls() - before, 1000 * k_threads);
  // What the wrapper does not know goes to us directly, and must agree with it.
  void* p = malloc(1000);
  EXPECT_AT_LEAST(malloc_usable_size(p), 1000);
  free(p);
  void* aligned = memalign(256, 100);
  EXPECT(is_aligned(aligned, 256));
  free(aligned);
}

CASE(a_wrapper_behind_us_is_never_asked) {
  const std::string library = our_library();
  if (wrapper_calls == nullptr) {
    const std::string chain = "LD_PRELOAD=" + library + ":" WRAPPER_LIBRARY;
    rerun_with({chain.c_str()});
  }
  EXPECT(wrapper_calls != nullptr);
  std::vector<std::string> some(2000, std::string(100, 'x'));
  some.resize(1);
  EXPECT_EQ(wrapper_calls(), 0);
  EXPECT_EQ(strcmp(library_of(dlsym(RTLD_DEFAULT, "malloc")), library.c_str()), 0);
}

CASE(a_chain_of_two_reaches_child_programs) {
  if (sizeof(void*) != 8) cannot_try("the system's programs are 64-bit");
  const std::string library = our_library();
  if (wrapper_calls == nullptr) {
    const std::string chain = "LD_PRELOAD=" WRAPPER_LIBRARY ":" + library;
    rerun_with({chain.c_str(), "BEHAVIOUR_LIBRARY=" WRAPPER_LIBRARY});
  }
  // The shell and sort inherit both; the answer tells that they did their work.
  FILE* pipe = popen("printf '%s\\n' c a b | sort | tr -d '\\n'", "r");
  EXPECT(pipe != nullptr);
  char text[16] = {};
  EXPECT_EQ(fread(text, 1, sizeof(text) - 1, pipe), 3);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_EQ(strcmp(text, "abc"), 0);
}
