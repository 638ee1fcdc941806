// Search, cut, join, unlink. See linked_heap.hpp.

#include "linked_heap.hpp"

#include <algorithm>

namespace arenite::lab {

LinkedHeap::LinkedHeap(TinyMemory& memory, Address bin, uint32_t bytes)
    : memory_(memory), bin_(bin), start_(memory.sbrk(bytes)) {
  memory_.set_word(bin_ + k_forward, bin_);
  memory_.set_word(bin_ + k_back, bin_);
  memory_.set_word(start_, 0);
  set(start_, bytes, 0);
  link(start_);
}

// The block's size, here and in the block behind it.
void LinkedHeap::set(Address block, uint32_t bytes, uint32_t used) {
  memory_.set_word(block + 4, bytes | used);
  if (block + bytes < end()) memory_.set_word(block + bytes, bytes);
}

Address LinkedHeap::allocate(uint32_t bytes) {
  const uint32_t wanted = std::max(k_bin_bytes, k_header_bytes + (bytes + 7) / 8 * 8);
  for (Address block = forward_of(bin_); block != bin_; block = forward_of(block)) {
    if (bytes_of(block) < wanted) continue;
    const uint32_t left = bytes_of(block) - wanted;
    if (left < k_bin_bytes) {
      unlink(block);
      set(block, bytes_of(block), k_used);
      return block + k_header_bytes;
    }
    set(block, left, 0);
    set(block + left, wanted, k_used);
    return block + left + k_header_bytes;
  }
  return 0;
}

void LinkedHeap::release(Address pointer) {
  Address block = pointer - k_header_bytes;
  uint32_t bytes = bytes_of(block);
  const Address behind = block + bytes;
  if (behind < end() && !is_used(behind)) {
    unlink(behind);
    bytes += bytes_of(behind);
  }
  const Address before = block - before_of(block);
  if (before != block && !is_used(before)) {
    unlink(before);
    bytes += bytes_of(before);
    block = before;
  }
  set(block, bytes, 0);
  link(block);
}

void LinkedHeap::link(Address block) {
  const Address first = forward_of(bin_);
  memory_.set_word(block + k_forward, first);
  memory_.set_word(block + k_back, bin_);
  memory_.set_word(first + k_back, block);
  memory_.set_word(bin_ + k_forward, block);
}

void LinkedHeap::unlink(Address block) {
  const Address forward = forward_of(block);
  const Address back = back_of(block);
  if (is_checked_ && (back_of(forward) != block || forward_of(back) != block)) {
    throw BrokenList{block};
  }
  memory_.set_word(forward + k_back, back);
  watcher_(Moment::wrote_back);
  memory_.set_word(back + k_forward, forward);
  watcher_(Moment::wrote_forward);
}

}  // namespace arenite::lab
