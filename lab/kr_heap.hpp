// The allocator of Kernighan and Ritchie's book, section 8.7, in a tiny memory.
//
// A block begins with a header of 8 bytes, the unit of all sizes, and is a whole number of units:
//
//   [ next : 4 | size in units, the header's included : 4 ][ what the program gets … ]
//                                                          ^ the pointer that malloc returns
//
// Free blocks form one ring in the order of their addresses; `next` means something in them alone.
// The ring is never empty: a header without a block, `base`, lies among the program's variables.
// A search begins where the last one ended (the rover) and takes the first block that is large
// enough, cutting what it needs from its end: so what is left stays in the ring as it is. Where
// none fits, the break moves up and the new block is freed into the ring. A freed block is joined
// with free neighbours, found by walking the ring to its place. Nothing ever goes back to the
// kernel.
#pragma once

#include <functional>
#include <vector>

#include "tiny_memory.hpp"

namespace arenite::lab {

class KrHeap {
 public:
  static constexpr uint32_t k_unit_bytes = 8;

  // The heap begins as one free block of first_units. It grows by growth_units, or by the need
  // where that is more. `base` is where the ring's header goes, below the break.
  KrHeap(TinyMemory& memory, Address base, uint32_t first_units, uint32_t growth_units);

  Address allocate(uint32_t bytes);
  void release(Address pointer);

  // The two moments of a request that does not fit: the break has moved, and a new block lies there
  // that is in no ring; then that block has been freed.
  enum class Moment { grown, joined };
  void watch(std::function<void(Moment)> watcher) { watcher_ = std::move(watcher); }

  Address next_of(Address block) const { return memory_.word(block); }
  uint32_t units_of(Address block) const { return memory_.word(block + 4); }
  uint32_t bytes_of(Address block) const { return units_of(block) * k_unit_bytes; }
  Address base() const { return base_; }
  Address start() const { return start_; }

  // The free blocks, the lowest first, without the base. Only for a ring that nobody has damaged.
  std::vector<Address> ring() const;

 private:
  void set(Address block, Address next, uint32_t units);
  void set_next(Address block, Address next) { memory_.set_word(block, next); }
  Address cut(Address before, Address block, uint32_t units);
  void grow(uint32_t units);

  TinyMemory& memory_;
  Address base_;
  Address start_;
  Address rover_;
  uint32_t growth_units_;
  std::function<void(Moment)> watcher_ = [](Moment) {};
};

}  // namespace arenite::lab
