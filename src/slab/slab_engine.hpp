// F3 slab: the door header. Small blocks without headers.
//
//   size_class.hpp  which sizes there are, and how an address becomes a bit
//   slab.hpp        one class's blocks in 16 KiB, and what is known of them
//   owned.hpp       blocks taken out of a slab, put back, and marked
//   mixed.hpp       a page for blocks of any size
//   region.hpp      64 MiB of slabs, their headers and bits at its start
//   holes.hpp       which pages of the kernel's inside a slab are free
//   owner.hpp       who may change a slab, and the lists of them
//   verify.hpp      the invariants below, looked after
//   statistics.hpp  what a region holds, for mallinfo and malloc_info
//   fault.hpp       what a program did wrong
//
// This floor knows no threads: it says what an owner may do and in which order, and cache/ says who
// is one. Invariants, beside those of the chunk engine:
//
//   S1  a page of a region is metadata, one slab's, mixed, free, or on its way to the kernel
//   S2  a block is handed out, marked, in a magazine or free in its slab (slab.hpp); what begins no
//       block has no bit and no mark, and a free page has neither
//   S3  summary has a 1 for exactly the words that are not 0, free_count is how many bits they
//       have; the header names all words with marks, once the thread that made them is through
//   S4  a slab in the list of full ones has no free block, one in the other has some or marks
//   S5  a slab is in one place: one of its owner's lists, out of them for T8, nobody's, or a free
//       page
//   S6  only the owner writes what is not atomic; an owner is changed as cache/cache.hpp says
//   S7  pages inside that were purged hold no block that is used or in a magazine
//   S8  of a mixed page what is taken are blocks, each from its used bit on; its other granules are
//       counted
#pragma once

#include "slab/fault.hpp"
#include "slab/holes.hpp"
#include "slab/mixed.hpp"
#include "slab/owned.hpp"
#include "slab/owner.hpp"
#include "slab/region.hpp"
#include "slab/size_class.hpp"
#include "slab/slab.hpp"
#include "slab/statistics.hpp"
#include "slab/verify.hpp"
