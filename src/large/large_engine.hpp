// F3 large: the door header. Blocks that have a mapping of their own (default mode).
//
//   table.hpp  which addresses they begin at, and how large they are
//   kept.hpp   freed ones that wait for the next request
//   large.hpp  taking, giving back, resizing
//
// A block is whole pages and begins at one. It has no header: of a pointer only the address is
// believed, and what is known of it stands in the table. So an overflow, or a forged header,
// changes nothing here, and a pointer that begins no block is refused, whoever freed it first.
//
// Nobody knows which pages of a block a program writes: only mincore would tell, which sandboxes
// forbid. A block counts as seen as far as its pages came from a kept one or were written here. The
// rest is "unseen" to the ledger and raises the bound on free memory no further than all that is
// known to be in use, unless the last freed block of about its size was written. As a block is
// freed some of its pages are looked at: what was not written is unmapped at once.
//
// Invariants:
//   L1  every range that is mapped here is a block's, kept, stranded, or in one thread's hands
//   L2  a block's or a kept range is one mapping of the kernel's, or part of one, unless the
//   program
//       has made several of it: so there are no more mappings than those
//   L3  what the kernel refuses changes nothing: a range that it will not unmap is stranded, and
//       goes as soon as one beside it has gone, or serves a request when no mapping can be had
//   L4  what is kept holds memory, all of it, and has no attributes that a program gave it
#pragma once

#include "large/kept.hpp"
#include "large/large.hpp"
#include "large/table.hpp"
