// F3 slab: the door header. Small blocks without headers.
//
//   size_class.hpp  which sizes there are, and how an address becomes a bit
//   slab.hpp        one class's blocks in 16 KiB, a bit each
//   owned.hpp       what its owner does with a slab
//   region.hpp      64 MiB of slabs, their headers and bits at its start
//   holes.hpp       which pages of the kernel's inside a slab are free
//   owner.hpp       who may change a slab, and the list of those with free blocks
//   verify.hpp      the invariants below, looked after
//   statistics.hpp  what a region holds, for mallinfo and malloc_info
//   fault.hpp       what a program did wrong
//
// This floor knows no threads: it says what an owner may do and in which order, and cache/ says who
// is one. Invariants, beside those of the chunk engine:
//
//   S1  a page of a region is metadata, one slab's, free, or on its way to the kernel
//   S2  a free block's bit is 1 in exactly one of words, remote, active word; a used one's in none;
//       a bit that starts no block is 0 everywhere, and so is a free page's remote word
//   S3  summary has a 1 for exactly the words that are not 0; remote_summary for every remote word
//       that is not 0, once the thread that set it is through
//   S4  the active word is 0 in its place in words; a slab that is not current has no active word
//   S5  a slab is in one place: its owner's current, its owner's list, out of that for T8,
//   nobody's,
//       or a free page
//   S6  only the owner writes what is not atomic; an owner is changed as cache/cache.hpp says
//   S7  pages inside that were purged hold no used block, and nobody's current slab has any
#pragma once

#include "slab/fault.hpp"
#include "slab/holes.hpp"
#include "slab/owned.hpp"
#include "slab/owner.hpp"
#include "slab/region.hpp"
#include "slab/size_class.hpp"
#include "slab/slab.hpp"
#include "slab/statistics.hpp"
#include "slab/verify.hpp"
