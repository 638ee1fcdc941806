// Drawing a K&R heap: its blocks by their sizes, from its start to the break and a little beyond.
//
// What a header cannot tell is kept here: which blocks the program has, and under what name.
#pragma once

#include <map>
#include <string>

#include "frames.hpp"
#include "kr_heap.hpp"

namespace arenite::lab {

class KrDrawing {
 public:
  // Draws up to `end`, which is where the break will be at last, so that all frames are as wide.
  KrDrawing(const TinyMemory& memory, const KrHeap& heap, Address end)
      : memory_(memory), heap_(heap), end_(end) {}

  void took(Address pointer, std::string name) { pointers_[pointer] = {std::move(name), true}; }
  // The program still has the pointer, to memory that is not its own any more.
  void gave(Address pointer) { pointers_[pointer].is_used = false; }

  // The header of this block was written over.
  void damaged(Address block) { damaged_ = block; }

  // One cell, in whatever area the variables are drawn in.
  void draw_base(Frame& frame, Address area_start) const;
  // An area, from the heap's start to `end`.
  void draw_heap(Frame& frame) const;

  // Where an address lies: "base", "heap+40", or the bare number.
  std::string place(Address address) const;

 private:
  struct Pointer {
    std::string name;
    bool is_used = false;
  };

  void draw_free_header(Frame& frame, Address block) const;
  void draw_block(Frame& frame, Address block) const;

  const TinyMemory& memory_;
  const KrHeap& heap_;
  Address end_;
  std::map<Address, Pointer> pointers_;
  Address damaged_ = 0;
};

}  // namespace arenite::lab
