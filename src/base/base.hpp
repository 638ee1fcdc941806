// F0 base: the door header. Vocabulary that needs neither the kernel nor libc.
//
//   units.hpp   word size, alignment arithmetic, size literals
//   text.hpp    text put together in a fixed buffer: no stdio, no allocation
//   kind_map.hpp  which engine owns an address: the one table everybody asks
//   breach.hpp  an invariant that does not hold: which, and where
//
// Nothing here takes a lock or can fail; only the kind map has state.
#pragma once

#include "base/breach.hpp"
#include "base/kind_map.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
