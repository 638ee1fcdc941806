// Graph: which blocks the roots lead to, and by what way.
//
// Conservative: any word of a root or of a block that is an address inside a block counts. It is a
// search breadth first, so a way that is remembered is a shortest one. But what may be the end of a
// buffer, which is where the next block starts, counts only where nothing else leads to that block.
#pragma once

#include "inside/roots.hpp"

namespace arenite::inside {

class Graph {
 public:
  enum class Remember : uint8_t { nothing, ways };

  // `heap` has its contents.
  Graph(const Heap& heap, const Roots& roots, Image& image, Remember remember);

  bool is_reached(uint32_t block) const { return (reached_[block / 64] >> block % 64 & 1) != 0; }

  // The blocks from the root to this one, which is the last; and where the pointer to the first
  // lies. Only of one that is reached, where ways are remembered.
  struct Way {
    bool is_register;
    uintptr_t root;  // an address, or the number of a thread
    std::vector<uint32_t> blocks;
  };
  Way way_to(uint32_t block) const;
  // Where in `from` a pointer into `to` lies, in bytes; and how far inside `to` it points.
  struct Link {
    size_t at;
    size_t inside;
  };
  Link link(const Block& from, const Block& to) const;

 private:
  static constexpr uint32_t k_root = Heap::k_none;

  struct Pointer {
    uintptr_t word;
    uint32_t parent;
    uintptr_t place;
  };

  void visit(const Pointer& pointer, const uintptr_t* at, size_t before);
  void reach(const Pointer& pointer, const Block& block);
  bool may_be_an_end(uintptr_t word, const uintptr_t* at, size_t before) const;
  void run();

  const Heap& heap_;
  const bool has_ways_;
  uintptr_t lowest_ = UINTPTR_MAX;
  uintptr_t highest_ = 0;
  std::vector<uint64_t> reached_;
  std::vector<uint32_t> parents_;
  std::vector<std::pair<uint32_t, uintptr_t>> from_roots_;  // in the order of their blocks
  struct Next {
    std::vector<uintptr_t> starts;
    std::vector<uint32_t> numbers;
  };
  Next next_;
  std::vector<Pointer> ends_;  // only where ways are remembered
  const Roots& roots_;
  Image& image_;
};

}  // namespace arenite::inside
