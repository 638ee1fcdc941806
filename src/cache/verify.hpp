// Verify: the slabs of the whole process, and that each is in one place (S5).
//
// For tests. The depot's slabs and the calling thread's are looked at exactly, those of others as
// far as they hold still.
#pragma once

#include "base/base.hpp"

namespace arenite::cache {

// Whether every invariant of the slabs holds; if not, the first found that does not. Takes the
// depot's lock, then this thread's.
bool verify(Breach& breach);

}  // namespace arenite::cache
