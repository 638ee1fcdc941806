// See graph.hpp.

#include "inside/graph.hpp"

#include <algorithm>

namespace arenite::inside {
namespace {

constexpr size_t k_sparse = 64 * k_kib;

}  // namespace

Graph::Graph(const Heap& heap, const Roots& roots, Image& image, Remember remember)
    : heap_(heap),
      has_ways_(remember == Remember::ways),
      reached_(heap.block_count() / 64 + 1),
      roots_(roots),
      image_(image) {
  if (has_ways_) parents_.resize(heap.block_count());
  for (const Space& space : heap.spaces()) {
    if (space.block_count == 0) continue;
    lowest_ = std::min(lowest_, space.begin);
    highest_ = std::max(highest_, space.end);
  }
  for (const RootArea& area : roots.areas()) {
    uintptr_t end = 0;
    const uintptr_t begin = align_up(area.begin, k_word);
    const char* copy = image.most_of(begin, area.end, end);
    for (uintptr_t at = begin; copy != nullptr && at + k_word <= end; at += k_word) {
      // What is not resident has nothing, and is not to become so here.
      if (at % image.page_size() == 0 && !image.is_resident(at)) {
        at += image.page_size() - k_word;
        continue;
      }
      const auto* word = reinterpret_cast<const uintptr_t*>(copy + (at - begin));
      visit({*word, k_root, at}, word, (at - begin) / k_word);
    }
  }
  for (size_t i = 0; i < roots.registers().size(); i++)
    visit({roots.registers()[i].value, k_root, i}, nullptr, 0);  // no address is so low
  run();
  while (!ends_.empty()) {
    std::vector<Pointer> ends;
    ends.swap(ends_);
    for (const Pointer& end : ends) visit(end, nullptr, 0);
    run();
  }
  std::sort(from_roots_.begin(), from_roots_.end());
}

// A word, and how many stand before it in the same object.
ARENITE_INLINE void Graph::visit(const Pointer& pointer, const uintptr_t* at, size_t before) {
  if (pointer.word - lowest_ >= highest_ - lowest_) return;
  Block block;
  if (!heap_.find_block(pointer.word, block)) return;
  if (is_reached(block.number)) return;
  if (has_ways_ && pointer.word == block.start && may_be_an_end(pointer.word, at, before)) {
    ends_.push_back(pointer);
    return;
  }
  reach(pointer, block);
}

void Graph::reach(const Pointer& pointer, const Block& block) {
  reached_[block.number / 64] |= uint64_t{1} << block.number % 64;
  if (has_ways_) {
    parents_[block.number] = pointer.parent;
    if (pointer.parent == k_root) from_roots_.emplace_back(block.number, pointer.place);
  }
  next_.starts.push_back(block.start);
  next_.numbers.push_back(block.number);
}

// Whether a word shortly before points into a block that ends here: as in a vector, or in a
// stream's buffer. Pointers to blocks that lie one behind the other look the same.
bool Graph::may_be_an_end(uintptr_t word, const uintptr_t* at, size_t before) const {
  constexpr size_t k_near = 8;
  constexpr size_t k_largest = k_mib;
  for (size_t i = 1; i <= std::min(before, k_near); i++) {
    const uintptr_t other = *(at - i);
    Block buffer;
    if (other < word && word - other <= k_largest && heap_.find_block(other, buffer) &&
        buffer.start + buffer.bytes == word)
      return true;
  }
  return false;
}

// Level after level.
void Graph::run() {
  Next now;
  while (!next_.starts.empty()) {
    std::swap(now, next_);
    next_.starts.clear();
    next_.numbers.clear();
    for (size_t i = 0; i < now.starts.size(); i++) {
      const uint32_t number = now.numbers[i];
      const Block block{number, now.starts[i], heap_.bytes_of(number)};
      size_t words = 0;
      const uintptr_t* content = heap_.contents(block, words);
      if (block.bytes < k_sparse) {
        for (size_t w = 0; w < words; w++) visit({content[w], number, 0}, content + w, w);
        continue;
      }
      // Of a large one most pages may be nowhere.
      const size_t page = image_.page_size();
      for (size_t w = 0; w < words;) {
        const uintptr_t at = block.start + w * k_word;
        const size_t end = std::min(words, w + (page - at % page) / k_word);
        if (image_.is_resident(at)) {
          for (; w < end; w++) visit({content[w], number, 0}, content + w, w);
        }
        w = end;
      }
    }
  }
}

Graph::Way Graph::way_to(uint32_t block) const {
  Way way{};
  for (uint32_t at = block;; at = parents_[at]) {
    way.blocks.push_back(at);
    if (parents_[at] == k_root) break;
  }
  std::reverse(way.blocks.begin(), way.blocks.end());
  const auto found = std::lower_bound(from_roots_.begin(), from_roots_.end(),
                                      std::pair<uint32_t, uintptr_t>{way.blocks.front(), 0});
  way.is_register = found->second < roots_.registers().size();
  way.root = way.is_register ? static_cast<uintptr_t>(roots_.registers()[found->second].thread)
                             : found->second;
  return way;
}

Graph::Link Graph::link(const Block& from, const Block& to) const {
  size_t words = 0;
  const uintptr_t* content = heap_.contents(from, words);
  for (size_t w = 0; w < words; w++) {
    if (content[w] - to.start < to.bytes) return {w * k_word, content[w] - to.start};
  }
  return {0, 0};
}

}  // namespace arenite::inside
