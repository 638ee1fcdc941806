// The clocks. They are read off the kernel's page: no system call, as long as the kernel offers
// that. Processor time would always be one, so nothing here asks for it.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::os {

// A clock that never goes back, exact to some milliseconds. A few ns. The kernel's own, as below:
// to call libc's alone brings 64 KiB of its text into a program that does not use it.
uint64_t coarse_milliseconds();

// The same clock, exactly. A system call where the kernel's page cannot tell: the machine's clock
// source is then none that a program can read.
uint64_t nanoseconds();

// `time`, the kernel's own once somebody has asked. Not libc's: libc chooses between several when a
// library that names it is loaded, and that alone brings 64 KiB of its text, and most often as many
// of its data, into a program that does not use it.
[[gnu::visibility("hidden")]] extern constinit std::atomic<long (*)(long*)> g_second;

// The second of the day's clock, which may be set: good for noticing that another has begun. Half
// as long, for one word of the kernel's page is read for it.
inline size_t wall_second() {
  return static_cast<size_t>(g_second.load(std::memory_order_relaxed)(nullptr));
}

// A function of the image that the kernel maps into every process (the vDSO); nullptr if it has
// none of that name, or none at all.
void* kernels_function(const char* name);

}  // namespace arenite::os
