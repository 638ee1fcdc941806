#include "os/stderr.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace arenite::os {

void write_stderr(const char* text, size_t size) {
  const int saved = errno;
  while (size > 0) {
    // Not libc's write: that is a cancellation point.
    const long n = syscall(SYS_write, 2, text, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text += n;
    size -= static_cast<size_t>(n);
  }
  errno = saved;
}

ARENITE_COLD void die(const char* line, size_t size) {
  write_stderr(line, size);
  abort();
}

}  // namespace arenite::os
