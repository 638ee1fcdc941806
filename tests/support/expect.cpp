// The cases' list, their entry point and their few words to the outside. Everything is written with
// write(2) from buffers on the stack: the case under test is the only one here that allocates.
//
// Before a case runs, the program makes sure that the allocator it was promised is the one that
// answers (BEHAVIOUR_LIBRARY, set by run_case.py). A preload that failed would otherwise pass for a
// success, since the dynamic linker only warns and goes on with libc's own malloc.

#include "expect.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace behaviour {
namespace {

constinit Case* first_case = nullptr;
constinit Case** last_link = &first_case;

void write_all(int fd, const char* text, std::size_t length) {
  while (length > 0) {
    const ssize_t written = write(fd, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(1);
    text += written;
    length -= static_cast<std::size_t>(written);
  }
}

std::uint64_t pattern(std::uint64_t seed, std::size_t word) {
  return (seed + 1) * 0x9e3779b97f4a7c15U + word * 0xbf58476d1ce4e5b9U;
}

void check_library() {
  const char* promised = getenv("BEHAVIOUR_LIBRARY");
  if (promised == nullptr) return;
  void* entry = dlsym(RTLD_DEFAULT, "malloc");
  Dl_info info{};
  if (entry == nullptr || dladdr(entry, &info) == 0 || strcmp(info.dli_fname, promised) != 0)
    fail(__FILE__, __LINE__, "malloc is served by %s, not by %s",
         info.dli_fname != nullptr ? info.dli_fname : "nobody", promised);
}

}  // namespace

Case::Case(const char* case_name, void (*case_body)()) : name(case_name), body(case_body) {
  *last_link = this;
  last_link = &next;
}

void fail(const char* file, int line, const char* format, ...) {
  char text[1024];
  int length = snprintf(text, sizeof(text), "%s:%d: ", file, line);
  va_list arguments;
  va_start(arguments, format);
  length += vsnprintf(text + length, sizeof(text) - static_cast<std::size_t>(length) - 2, format,
                      arguments);
  va_end(arguments);
  const auto end =
      length < static_cast<int>(sizeof(text)) - 2 ? length : static_cast<int>(sizeof(text)) - 2;
  text[end] = '\n';
  write_all(STDERR_FILENO, text, static_cast<std::size_t>(end) + 1);
  _exit(1);
}

void cannot_try(const char* reason) {
  say(reason);
  _exit(77);
}

void say(const char* text) {
  char line[1024];
  const int length = snprintf(line, sizeof(line), "%s\n", text);
  write_all(STDOUT_FILENO, line, static_cast<std::size_t>(length));
}

void expect_abort(const char* phrase, std::initializer_list<const void*> blocks) {
  char line[512];
  int length = snprintf(line, sizeof(line), "expect abort ");
  for (const void* block : blocks) {
    length += snprintf(line + length, sizeof(line) - static_cast<std::size_t>(length), "%#zx,",
                       reinterpret_cast<std::size_t>(block));
  }
  snprintf(line + length, sizeof(line) - static_cast<std::size_t>(length), "; %s", phrase);
  say(line);
}

void expect_line(const char* words) {
  char line[512];
  snprintf(line, sizeof(line), "expect line %s", words);
  say(line);
}

void fill(void* p, std::size_t size_bytes, std::uint64_t seed) {
  auto* bytes = static_cast<unsigned char*>(p);
  std::size_t word = 0;
  for (; (word + 1) * 8 <= size_bytes; ++word) {
    const std::uint64_t value = pattern(seed, word);
    memcpy(bytes + word * 8, &value, 8);
  }
  const std::uint64_t value = pattern(seed, word);
  memcpy(bytes + word * 8, &value, size_bytes - word * 8);
}

bool intact(const void* p, std::size_t size_bytes, std::uint64_t seed) {
  const auto* bytes = static_cast<const unsigned char*>(p);
  std::size_t word = 0;
  for (; (word + 1) * 8 <= size_bytes; ++word) {
    const std::uint64_t value = pattern(seed, word);
    if (memcmp(bytes + word * 8, &value, 8) != 0) return false;
  }
  const std::uint64_t value = pattern(seed, word);
  return memcmp(bytes + word * 8, &value, size_bytes - word * 8) == 0;
}

bool all_bytes_are(const void* p, std::size_t size_bytes, unsigned char value) {
  const auto* bytes = static_cast<const unsigned char*>(p);
  return size_bytes == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, size_bytes - 1) == 0);
}

}  // namespace behaviour

int main(int argc, char** argv) {
  using namespace behaviour;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (const Case* c = first_case; c != nullptr; c = c->next) say(c->name);
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "--help") != 0) {
    for (const Case* c = first_case; c != nullptr; c = c->next) {
      if (strcmp(c->name, argv[1]) != 0) continue;
      check_library();
      c->body();
      return 0;
    }
  }
  say("usage: program CASE | --list | --help\nruns one case: 0 holds, 1 fails, 77 cannot be tried");
  return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
}
