// A frame of `walk`: the heap as it is after a line.
//
//   memory   each run of the break, heap segment and mapped block with its chunks and their three
//            flags; each span region with its runs; each slab region with its pages, each slab with
//            its blocks. Many blocks of a range that lie in a row, and free blocks of a slab, are
//            one cell
//   lists    fast bins, unsorted bin, small and large bins, last remainder; where slabs are, who
//            has which; with several arenas, their threads
//   bits     each slab's words
//   figures  sums
//
// Addresses are relative to each area's start, so the same script draws the same frames each time.
#pragma once

#include "walk_blocks.hpp"
#include "walk_threads.hpp"

namespace arenite::lab {

class WalkDrawing {
 public:
  WalkDrawing(Drawing& drawing, const Script& script, Blocks& blocks, const Team& team)
      : drawing_(drawing), script_(script), blocks_(blocks), team_(team) {}

  // Looks at the heap and draws it. Ends the program if that is not whole, or too large to draw.
  void draw(std::string_view action, Bilingual text);
  // The same after a line; where that has no text of its own, one is made from what happened.
  void draw(const ScriptLine& line);

 private:
  void look();
  void frame(std::string_view action, Bilingual text);
  void area(Frame& frame, const view::Area& area);
  size_t run_of_cells(const view::Area& area, std::span<const view::Cell> cells) const;
  void cell(Frame& frame, const view::Area& area, const view::Cell& cell, unsigned metadata_number);
  void cells_in_one(Frame& frame, const view::Area& area, std::span<const view::Cell> cells);
  void lists(Frame& frame);
  void threads_of_arenas(Frame& frame);
  void places_of_slabs(Frame& frame);
  void slabs_at(Frame& frame, std::string_view name, view::SlabPlace place, const void* owner);
  void bits(Frame& frame);
  void figures(Frame& frame);
  Words area_name(const view::Area& area) const;
  Words item(const view::List& list, uintptr_t chunk) const;
  const view::SlabBits* slab_at(uintptr_t start) const;
  void tell(const ScriptLine& line);

  Drawing& drawing_;
  const Script& script_;
  Blocks& blocks_;
  const Team& team_;
};

}  // namespace arenite::lab
