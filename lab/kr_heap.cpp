// Search, cut, grow, join. See kr_heap.hpp.

#include "kr_heap.hpp"

#include <algorithm>

namespace arenite::lab {

KrHeap::KrHeap(TinyMemory& memory, Address base, uint32_t first_units, uint32_t growth_units)
    : memory_(memory),
      base_(base),
      start_(memory.program_break()),
      rover_(base),
      growth_units_(growth_units) {
  set(base_, base_, 0);
  grow(first_units);
}

void KrHeap::set(Address block, Address next, uint32_t units) {
  memory_.set_word(block, next);
  memory_.set_word(block + 4, units);
}

Address KrHeap::allocate(uint32_t bytes) {
  const uint32_t units = (bytes + k_unit_bytes - 1) / k_unit_bytes + 1;
  Address before = rover_;
  for (Address block = next_of(before);; before = block, block = next_of(block)) {
    if (units_of(block) >= units) return cut(before, block, units) + k_unit_bytes;
    if (block != rover_) continue;
    grow(std::max(units, growth_units_));
    block = rover_;  // the ring is walked once more from here
  }
}

// Takes `units` from the block's end, or the whole block out of the ring.
Address KrHeap::cut(Address before, Address block, uint32_t units) {
  rover_ = before;
  const uint32_t left = units_of(block) - units;
  if (left == 0) {
    set_next(before, next_of(block));
    return block;
  }
  set(block, next_of(block), left);
  const Address taken = block + left * k_unit_bytes;
  set(taken, 0, units);
  return taken;
}

void KrHeap::grow(uint32_t units) {
  const Address block = memory_.sbrk(units * k_unit_bytes);
  set(block, 0, units);
  watcher_(Moment::grown);
  release(block + k_unit_bytes);
  watcher_(Moment::joined);
}

void KrHeap::release(Address pointer) {
  const Address block = pointer - k_unit_bytes;
  // The free block before it in the ring; the highest one, where the ring closes.
  Address before = rover_;
  while (!(before < block && block < next_of(before))) {
    const bool is_highest = next_of(before) <= before;
    if (is_highest && (block > before || block < next_of(before))) break;
    before = next_of(before);
  }
  const Address after = next_of(before);
  if (block + bytes_of(block) == after) {
    set(block, next_of(after), units_of(block) + units_of(after));
  } else {
    set_next(block, after);
  }
  if (before + bytes_of(before) == block) {
    set(before, next_of(block), units_of(before) + units_of(block));
  } else {
    set_next(before, block);
  }
  rover_ = before;
}

std::vector<Address> KrHeap::ring() const {
  std::vector<Address> blocks;
  for (Address block = next_of(base_); block != base_; block = next_of(block)) {
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace arenite::lab
