// Verify: an arena's invariants, checked by looking at all of it.
//
//   I1  chunks tile each run and segment without gap or overlap, up to the fenceposts or the top
//   I2  no two free chunks are neighbours, and the top has none before it
//   I3  a free chunk's size stands at both its ends
//   I4  each free chunk is in exactly one ring, that of the unsorted bin or of its size
//   I5  a large bin runs from large to small, and its skip links name the first of each size
//   I6  a chunk in a fast bin has the bin's size, and counts as in use
//   I7  the top is the last chunk of the newest memory, and large enough to be one
//   I8  the bytes from the kernel are those of the runs or segments
//   I9  a bin that holds a chunk is marked in the bit map
//   I10 the whole pages inside free chunks and the top, and what is in use, are all there is
//   I11 a page that has a bit is one of those; each bitmap and the arena count them rightly
//
// For tests and for debug builds; the arena's lock must be held. Linear in the number of chunks.
#pragma once

#include "base/base.hpp"

namespace arenite::chunk {

using arenite::Breach;

}  // namespace arenite::chunk
