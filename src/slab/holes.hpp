// Holes: the kernel's pages inside a slab that lie in free blocks alone.
//
// 16 KiB are four pages of 4 KiB; where the kernel's are larger there are fewer, or none. Where
// blocks are freed at random whole pages come free long before the slab does: of 2,000-byte blocks,
// nine of ten freed, three pages of four.
#pragma once

#include "os/os.hpp"
#include "slab/region.hpp"

namespace arenite::slab {

// A bit for each of the kernel's pages, the lowest first.
using Pages = uint8_t;

// Those with free blocks and without another, by words and marks. Anybody may ask; the answer is
// sure, and stays so, while nobody takes blocks from the slab.
Pages holes_of(const Slab* slab);

// Bytes of so many.
size_t bytes_of(Pages pages);

}  // namespace arenite::slab
