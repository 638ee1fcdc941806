// The clock, where only its page is read: no system call, as long as the kernel offers that.
#pragma once

#include "base/base.hpp"

namespace arenite::os {

// A clock that never goes back, exact to some milliseconds. A few ns.
uint64_t coarse_milliseconds();

// The second of the day's clock, which may be set: good for noticing that another has begun. Half
// as long, for one word of the kernel's page is read for it.
size_t wall_second();

// A function of the image that the kernel maps into every process (the vDSO); nullptr if it has
// none of that name, or none at all.
void* kernels_function(const char* name);

}  // namespace arenite::os
