// The cases' list, their entry point and their few words to the outside. Everything is written with
// write(2) from buffers on the stack: the case under test is the only one here that allocates.

#include "expect.hpp"

#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace behaviour {

[[gnu::weak]] void check_library();  // library_check.cpp, absent from static programs

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

void expect_whose(const char* phrase) {
  char line[512];
  snprintf(line, sizeof(line), "expect whose %s", phrase);
  say(line);
}

void expect_frame(const char* pattern) {
  char line[512];
  snprintf(line, sizeof(line), "expect frame %s", pattern);
  say(line);
}

void expect_aborts(int count) {
  char line[64];
  snprintf(line, sizeof(line), "expect aborts %d", count);
  say(line);
}

void expect_line(const char* words) {
  char line[512];
  snprintf(line, sizeof(line), "expect line %s", words);
  say(line);
}

void expect_equal(long long actual, long long expected, const char* file, int line,
                  const char* actual_text, const char* expected_text) {
  if (actual != expected)
    fail(file, line, "%s is %lld, expected %s = %lld", actual_text, actual, expected_text,
         expected);
}

void expect_at_most(long long actual, long long bound, const char* file, int line,
                    const char* actual_text, const char* bound_text) {
  if (actual > bound)
    fail(file, line, "%s is %lld, expected at most %s = %lld", actual_text, actual, bound_text,
         bound);
}

void expect_at_least(long long actual, long long bound, const char* file, int line,
                     const char* actual_text, const char* bound_text) {
  if (actual < bound)
    fail(file, line, "%s is %lld, expected at least %s = %lld", actual_text, actual, bound_text,
         bound);
}

void expect_refused(const void* result, int errno_value, const char* file, int line,
                    const char* call_text) {
  const int errno_found = errno;
  if (result != nullptr) fail(file, line, "%s gave %p, expected null", call_text, result);
  if (errno_found != errno_value)
    fail(file, line, "%s set errno to %d, expected %d", call_text, errno_found, errno_value);
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
      if (check_library != nullptr) check_library();
      c->body();
      return 0;
    }
  }
  say("usage: program CASE | --list | --help\nruns one case: 0 holds, 1 fails, 77 cannot be tried");
  return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
}
