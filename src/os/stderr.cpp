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

ARENITE_COLD void die(const FaultWords& words, const void* user, size_t size, const char* thing) {
  Text<256> line;
  line << "arenite: " << words.what << ": " << Hex{address_of(user)};
  if (size != 0) line << " (" << size << "-byte " << thing << ")";
  line << ": " << words.meaning << "\n";
  die(line.c_str(), line.size());
}

}  // namespace arenite::os
