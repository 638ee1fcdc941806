// The last words: a line on standard error, and abort.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// Writes to standard error, unbuffered. Keeps errno.
void write_stderr(const char* text, size_t size);

template <size_t n>
void write_stderr(const Text<n>& text) {
  write_stderr(text.c_str(), text.size());
}

// Writes the line and aborts the process.
[[noreturn]] void die(const char* line, size_t size);

// A line of a table of faults: what a check says, and what it means.
struct FaultWords {
  const char* what;
  const char* meaning;
};

// The same with a fault's line, which names the address and, where it is not 0, the size of the
// `thing` there.
[[noreturn]] void die(const FaultWords& words, const void* user, size_t size, const char* thing);

}  // namespace arenite::os
