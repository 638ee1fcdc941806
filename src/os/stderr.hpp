// The last words: a line on standard error, and abort.
#pragma once

#include "base/base.hpp"
#include "os/whose.hpp"

namespace arenite::os {

// Writes to standard error, unbuffered. Keeps errno.
void write_stderr(const char* text, size_t size);

template <size_t n>
void write_stderr(const Text<n>& text) {
  write_stderr(text.c_str(), text.size());
}

// Writes the line, which has no end yet, and aborts the process. Each line of a dying process ends
// with the program's name and its id: [redis-server, pid 123]. If the user asked for them, the
// frames of this thread follow (frames.hpp).
[[noreturn]] void die(const char* line);

// The same for operator new, which has no block and nobody to throw to.
[[noreturn]] void die_for_want_of_memory();

// A line of a table of faults: what a check says, and what it means.
struct FaultWords {
  const char* what;
  const char* meaning;
};

// The same with a fault's line, which names the address and, where it is not 0, the size of the
// `thing` there. A second one says whose the address may be, if the place is asked for.
[[noreturn]] void die(const FaultWords& words, const void* user, size_t size, const char* thing,
                      Place place = Place::not_asked);

}  // namespace arenite::os
