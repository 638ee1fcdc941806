// Heap: a block gets another size where it is.
//
// The block is claimed meanwhile, so a free that comes at the same time is refused, and its words
// are the resizer's.
#include "span/heap.hpp"

namespace arenite::span {

bool Heap::resize(void* p, size_t n) {
  Region* r = Region::around(p);
  const uint32_t unit = Region::unit_at(p);
  const Word w = claim(r, p, unit, Fault::realloc_invalid_pointer);
  if (n > k_largest) {
    r->set(unit, w);
    return false;
  }
  return r->heap->resize_claimed(r, unit, w, units_for(n));
}

bool Heap::resize_claimed(Region* r, uint32_t unit, Word w, uint32_t need) {
  const uint32_t length = w & k_length;
  // A block that has grown keeps its headroom.
  const bool is_within = need < length && (w & k_grown) != 0 && length - need <= need / 4 + 1;
  if (need == length || is_within) {
    r->set(unit, w);
    return true;
  }
  if (!lock_.lock_unless_frozen()) {
    r->set(unit, w);
    return need < length;
  }
  bool is_resized = true;
  if (need < length) {
    w = need | k_used;
    r->set(unit + need - 1, need | k_used_end);
    r->set(unit + need, (length - need) | k_nobodys);
    runs_.release(r, unit + need, length - need);
  } else {
    const Grown grown = grow_in_place(r, unit, w, need);
    is_resized = grown == Grown::found;
    if (grown == Grown::frozen) {
      r->set(unit, w);
      return false;
    }
  }
  r->set(unit, w);
  leave_out_of_line();
  return is_resized;
}

// Takes from the free run behind the block, which grows first if the region's reserve comes next.
// `w` becomes the block's new word.
Heap::Grown Heap::grow_in_place(Region* r, uint32_t unit, Word& w, uint32_t need) {
  const uint32_t length = w & k_length;
  const uint32_t behind = unit + length;
  const uint32_t wanted = need - length;
  // Last freed, and in the way?
  if (last_.length != 0 && last_.region == r && last_.unit == behind) release_last();
  const auto room = [&] { return is_used(r->word(behind)) ? 0 : r->word(behind); };
  while (room() < wanted) {
    if (behind + room() != r->reserve_begin || behind + wanted > r->end) return Grown::no;
    if (growing_.load(std::memory_order_acquire) == k_left) end_growth(0);
    if (growing_.load(std::memory_order_relaxed) != k_idle) return Grown::no;
    uint32_t begin = 0;
    const Grown grown = extend(r, wanted - room(), begin);
    if (grown != Grown::found) return grown;
  }
  const bool again = (w & k_grown) != 0;
  uint32_t taken = wanted + (again ? need / k_headroom : 0);
  if (taken > room()) taken = room();
  runs_.carve({r, behind, room(), behind}, taken);
  w = (length + taken) | k_used | k_grown;
  r->set(behind + taken - 1, (length + taken) | k_used_end);
  return Grown::found;
}

}  // namespace arenite::span
