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

}  // namespace arenite::os
