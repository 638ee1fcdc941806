// The tiny allocator with ptmalloc2's two inventions: boundary tags, and a list in both directions.
//
//   used  [ bytes of the block before : 4 | bytes, and 1 for used : 4 ][ what the program gets … ]
//   free  [ bytes of the block before : 4 | bytes : 4 ][ fd : 4 | bk : 4 | … ]
//
// With the sizes a freed block finds both neighbours without walking a list, and with two links a
// free neighbour leaves its list without walking it either:
//
//   unlink(b):   b.fd.bk = b.bk      b.bk.fd = b.fd
//
// Two writes, to places that are read from the block itself: that is what the attack is about. The
// list's header, `bin`, is laid out as a block, of which only the links are used. `checked` asks
// before it writes whether both neighbours lead back, as every allocator has done since.
#pragma once

#include <functional>
#include <vector>

#include "tiny_memory.hpp"

namespace arenite::lab {

struct BrokenList {
  Address block;
};

class LinkedHeap {
 public:
  static constexpr uint32_t k_header_bytes = 8;
  static constexpr uint32_t k_forward = 8;  // where in a free block its links are
  static constexpr uint32_t k_back = 12;
  static constexpr uint32_t k_bin_bytes = 16;
  static constexpr uint32_t k_used = 1;

  // A heap of so many bytes, one free block. `bin` is where the list's header goes.
  LinkedHeap(TinyMemory& memory, Address bin, uint32_t bytes);

  // Cut from the end of the first block that fits; 0 where none does.
  Address allocate(uint32_t bytes);
  // Joins it with the block behind it, should that be free, and with the one before.
  void release(Address pointer);

  void check_links(bool checked) { is_checked_ = checked; }

  // The two writes of unlink(), each just done.
  enum class Moment { wrote_back, wrote_forward };
  void watch(std::function<void(Moment)> watcher) { watcher_ = std::move(watcher); }

  Address start() const { return start_; }
  uint32_t before_of(Address block) const { return memory_.word(block); }
  uint32_t bytes_of(Address block) const { return memory_.word(block + 4) & ~k_used; }
  bool is_used(Address block) const { return (memory_.word(block + 4) & k_used) != 0; }
  Address forward_of(Address block) const { return memory_.word(block + k_forward); }
  Address back_of(Address block) const { return memory_.word(block + k_back); }

 private:
  Address end() const { return memory_.program_break(); }
  void set(Address block, uint32_t bytes, uint32_t used);
  void link(Address block);
  void unlink(Address block);

  TinyMemory& memory_;
  Address bin_;
  Address start_;
  bool is_checked_ = false;
  std::function<void(Moment)> watcher_ = [](Moment) {};
};

}  // namespace arenite::lab
