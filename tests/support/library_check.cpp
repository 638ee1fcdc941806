// Makes sure that the allocator a case was promised is the one that answers (BEHAVIOUR_LIBRARY, set
// by run_case.py). A preload that failed would otherwise pass for a success, since the dynamic
// linker only warns and goes on with libc's own malloc. Static programs are linked without this.

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "expect.hpp"

namespace behaviour {

void check_library() {
  const char* promised = getenv("BEHAVIOUR_LIBRARY");
  if (promised == nullptr || *promised == '\0') return;
  // Behind the program itself, which may bring a malloc of its own.
  void* entry = dlsym(RTLD_NEXT, "free");
  Dl_info info{};
  if (entry == nullptr || dladdr(entry, &info) == 0 || strcmp(info.dli_fname, promised) != 0)
    fail(__FILE__, __LINE__, "free is served by %s, not by %s",
         info.dli_fname != nullptr ? info.dli_fname : "nobody", promised);
}

}  // namespace behaviour
