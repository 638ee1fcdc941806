#include "os/stderr.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

#include "os/frames.hpp"
#include "os/program.hpp"

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

namespace {

// Writes the line, and its end apart: asking the kernel for name and id may be what a sandbox kills
// for, and the rest is out then.
template <size_t n>
void write_signed(const Text<n>& line) {
  write_stderr(line);
  Text<128> end;
  end << " [" << program_name().c_str() << ", pid " << static_cast<size_t>(syscall(SYS_getpid))
      << "]\n";
  write_stderr(end);
}

[[noreturn]] void end_process() {
  if (g_shows_frames.load(std::memory_order_relaxed)) show_frames();
  abort();
}

}  // namespace

ARENITE_COLD void die_for_want_of_memory() {
  die("arenite: operator new: out of memory, and nobody to throw to");
}

ARENITE_COLD void die(const char* words) {
  Text<256> line;
  line << words;
  write_signed(line);
  end_process();
}

ARENITE_COLD void die(const FaultWords& words, const void* user, size_t size, const char* thing,
                      Place place) {
  Text<512> line;
  line << "arenite: " << words.what << ": " << Hex{address_of(user)};
  if (size != 0) line << " (" << size << "-byte " << thing << ")";
  line << ": " << words.meaning;
  write_signed(line);
  if (place != Place::not_asked) {
    Whereabouts words_for_it;
    if (place == Place::in_heap) {
      words_for_it << "it lies in this heap's memory, where no block begins";
    } else {
      words_for_it = whereabouts(user);
    }
    line.clear();
    line << "arenite: " << Hex{address_of(user)} << ": " << words_for_it.c_str();
    if (words_for_it.size() != 0) write_signed(line);
  }
  end_process();
}

}  // namespace arenite::os
