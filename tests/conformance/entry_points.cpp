// Every name that a program may call is there and is answered by this library. One that is missing
// would be answered by libc about its own, empty heap, or hand libc a block that is not its own.

#include <dlfcn.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

template <typename Function>
Function entry(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

void expect_served_by_the_library(std::initializer_list<const char*> names) {
  const char* library = getenv("BEHAVIOUR_LIBRARY");
  if (library == nullptr) cannot_try("no library is preloaded");
  for (const char* name : names) {
    void* address = dlsym(RTLD_DEFAULT, name);
    Dl_info info{};
    const char* server =
        address != nullptr && dladdr(address, &info) != 0 ? info.dli_fname : "nobody";
    if (strcmp(server, library) != 0)
      fail(__FILE__, __LINE__, "%s is served by %s, not by %s", name, server, library);
  }
}

}  // namespace

CASE(the_c_names_are_all_served) {
  expect_served_by_the_library(
      {"malloc",       "free",        "calloc",        "realloc",
       "reallocarray", "memalign",    "aligned_alloc", "posix_memalign",
       "valloc",       "pvalloc",     "cfree",         "malloc_usable_size",
       "malloc_trim",  "mallopt",     "mallinfo",      "mallinfo2",
       "malloc_stats", "malloc_info", "free_sized",    "free_aligned_sized"});
}

CASE(the_twenty_operators_are_all_served) {
  if (sizeof(std::size_t) != 8) cannot_try("the names below are those of a 64-bit size_t");
  expect_served_by_the_library({"_Znwm",
                                "_Znam",
                                "_ZnwmRKSt9nothrow_t",
                                "_ZnamRKSt9nothrow_t",
                                "_ZnwmSt11align_val_t",
                                "_ZnamSt11align_val_t",
                                "_ZnwmSt11align_val_tRKSt9nothrow_t",
                                "_ZnamSt11align_val_tRKSt9nothrow_t",
                                "_ZdlPv",
                                "_ZdaPv",
                                "_ZdlPvm",
                                "_ZdaPvm",
                                "_ZdlPvRKSt9nothrow_t",
                                "_ZdaPvRKSt9nothrow_t",
                                "_ZdlPvSt11align_val_t",
                                "_ZdaPvSt11align_val_t",
                                "_ZdlPvmSt11align_val_t",
                                "_ZdaPvmSt11align_val_t",
                                "_ZdlPvSt11align_val_tRKSt9nothrow_t",
                                "_ZdaPvSt11align_val_tRKSt9nothrow_t"});
}

CASE(cfree_frees) {
  auto cfree_entry = entry<void (*)(void*)>("cfree");
  EXPECT(cfree_entry != nullptr);
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 10000; ++i) cfree_entry(malloc(1000));
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1_MiB);
  errno = 4711;
  cfree_entry(nullptr);
  EXPECT_EQ(errno, 4711);
}

CASE(free_sized_frees) {
  auto free_sized_entry = entry<void (*)(void*, std::size_t)>("free_sized");
  EXPECT(free_sized_entry != nullptr);
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 10000; ++i) {
    free_sized_entry(malloc(1000), 1000);
    free_sized_entry(calloc(10, 100), 1000);
    free_sized_entry(realloc(nullptr, 300), 300);
  }
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1_MiB);
  errno = 4711;
  free_sized_entry(nullptr, 100);
  free_sized_entry(malloc(0), 0);
  free_sized_entry(malloc(2_MiB), 2_MiB);
  EXPECT_EQ(errno, 4711);
}

CASE(free_aligned_sized_frees) {
  auto free_aligned_sized_entry =
      entry<void (*)(void*, std::size_t, std::size_t)>("free_aligned_sized");
  EXPECT(free_aligned_sized_entry != nullptr);
  const std::size_t before = data_once_settled();
  for (int i = 0; i < 10000; ++i) {
    free_aligned_sized_entry(aligned_alloc(64, 1000), 64, 1000);
    free_aligned_sized_entry(aligned_alloc(4096, 100), 4096, 100);
  }
  EXPECT_AT_MOST(status_bytes("VmData"), before + 1_MiB);
  errno = 4711;
  free_aligned_sized_entry(nullptr, 64, 100);
  free_aligned_sized_entry(aligned_alloc(64, 2_MiB), 64, 2_MiB);
  EXPECT_EQ(errno, 4711);
}

CASE(names_called_by_libc_itself_reach_the_library) {
  // strdup, getline and their like allocate inside libc; the block is freed here.
  char* copy = strdup("a string that is copied by libc");
  EXPECT(copy != nullptr && malloc_usable_size(copy) >= 32);
  const std::size_t live = mallinfo2().uordblks;
  char* many[200];
  for (char*& p : many) p = strdup("a string of some length that is copied by libc as well, often");
  EXPECT_AT_LEAST(mallinfo2().uordblks, live + 200 * 60);
  for (char* p : many) free(p);
  free(copy);
}
