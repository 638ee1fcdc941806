// The blocks of a script: where each name's memory is, and was. From them a chunk gets its label.
//
//   in use   the chunk, or slab's block, that holds it
//   freed    the memory still bears the name, so that a reader finds it again in a bin or merged
//            with its neighbours; what of it is handed out again loses it. a' is what is left of a
//            that was cut.
//
// After each line settle() looks where everything is now. Nothing is allocated.
#pragma once

#include <span>

#include "view/view.hpp"
#include "walk_script.hpp"

namespace arenite::lab {

class Blocks {
 public:
  // Step by step: a name got a block of `asked` bytes, and lost it.
  void made(size_t name, void* block, size_t asked);
  void freed(size_t name);
  void* block(size_t name) const { return blocks_[name].block; }
  size_t asked(size_t name) const { return blocks_[name].asked; }

  // Adds the names' own mappings to the snapshot, which was just taken, and then goes by it. False
  // if there is no room for them.
  bool settle(view::Snapshot& snapshot, size_t name_count);

  // The name of the block in use that lies in a cell; k_no_name if it is none of the script's.
  static constexpr size_t k_no_name = ~size_t{0};
  size_t name_in(const view::Cell& cell) const;
  // How a cell is called: by the name in use, or by those that it was freed of. Empty where there
  // is none.
  Words label(const Script& script, const view::Cell& cell) const;

 private:
  enum class State : uint8_t { none, in_use, freed };
  struct Block {
    void* block = nullptr;
    size_t asked = 0;
    uintptr_t start = 0;  // of the chunk or slab's block
    uintptr_t end = 0;
    State state = State::none;
    bool is_cut = false;
  };

  static void cut(Block& block, const view::Snapshot& snapshot);
  // Those that begin in [start, end), in order.
  std::span<const size_t> between(uintptr_t start, uintptr_t end) const;

  Block blocks_[k_most_names] = {};
  size_t by_start_[k_most_names] = {};  // names whose memory is somewhere
  size_t placed_ = 0;
};

// The cell in which an address lies; nullptr where there is none. Of a slab it is the block.
const view::Cell* cell_at(const view::Snapshot& snapshot, uintptr_t address);

}  // namespace arenite::lab
