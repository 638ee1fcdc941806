// Following the blocks of a script. See walk_blocks.hpp.

#include "walk_blocks.hpp"

#include <algorithm>

namespace arenite::lab {
namespace {

// So many names of freed blocks are told of a chunk that has swallowed them.
constexpr size_t k_most_told = 4;

int length(std::string_view text) {
  return static_cast<int>(text.size());
}

}  // namespace

const view::Cell* cell_at(const view::Snapshot& snapshot, uintptr_t address) {
  for (const view::Area& area : snapshot.areas()) {
    if (area.kind == view::AreaKind::region || address - area.start >= area.bytes) continue;
    const std::span<const view::Cell> cells = snapshot.cells(area);
    const auto behind =
        std::upper_bound(cells.begin(), cells.end(), address,
                         [](uintptr_t a, const view::Cell& cell) { return a < cell.start; });
    if (behind != cells.begin()) return &*(behind - 1);
  }
  return nullptr;
}

void Blocks::made(size_t name, void* block, size_t asked) {
  const view::Extent extent = view::extent_of(block);
  blocks_[name] = {.block = block,
                   .asked = asked,
                   .start = extent.start,
                   .end = extent.start + extent.bytes,
                   .state = State::in_use};
}

void Blocks::freed(size_t name) {
  blocks_[name].state = State::freed;
}

// What was handed out again of a freed block is its no more, and neither is what the top has.
void Blocks::cut(Block& block, const view::Snapshot& snapshot) {
  while (block.start < block.end) {
    const view::Cell* cell = cell_at(snapshot, block.start);
    if (cell == nullptr || cell->kind == view::CellKind::top) break;
    if (cell->kind == view::CellKind::free || cell->kind == view::CellKind::fast) return;
    block.start = cell->start + cell->bytes;
    block.is_cut = true;
  }
  block.state = State::none;
}

bool Blocks::settle(view::Snapshot& snapshot, size_t name_count) {
  for (size_t n = 0; n < name_count; n++) {
    const Block& block = blocks_[n];
    if (block.state == State::in_use && !snapshot.add_mapping(block.block)) return false;
  }
  placed_ = 0;
  for (size_t n = 0; n < name_count; n++) {
    Block& block = blocks_[n];
    if (block.state == State::freed) cut(block, snapshot);
    if (block.state != State::none) by_start_[placed_++] = n;
  }
  std::sort(by_start_, by_start_ + placed_,
            [this](size_t a, size_t b) { return blocks_[a].start < blocks_[b].start; });
  return true;
}

std::span<const size_t> Blocks::between(uintptr_t start, uintptr_t end) const {
  const auto before = [this](size_t name, uintptr_t a) { return blocks_[name].start < a; };
  const size_t* const all_end = by_start_ + placed_;
  const size_t* const first = std::lower_bound(by_start_, all_end, start, before);
  return {first, std::lower_bound(first, all_end, end, before)};
}

size_t Blocks::name_in(const view::Cell& cell) const {
  for (const size_t name : between(cell.start, cell.start + cell.bytes)) {
    if (blocks_[name].state == State::in_use) return name;
  }
  return k_no_name;
}

Words Blocks::label(const Script& script, const view::Cell& cell) const {
  const auto text = [&](size_t name) { return script.name(name); };
  const auto tick = [&](size_t name) { return blocks_[name].is_cut ? "'" : ""; };
  if (const size_t name = name_in(cell); name != k_no_name)
    return Words("%.*s", length(text(name)), text(name).data());
  if (cell.kind != view::CellKind::free && cell.kind != view::CellKind::fast)
    return Words("%s", "");
  const std::span<const size_t> names = between(cell.start, cell.start + cell.bytes);
  if (names.size() > k_most_told) {
    const size_t first = names.front();
    const size_t last = names.back();
    return Words("%.*s%s+...+%.*s%s", length(text(first)), text(first).data(), tick(first),
                 length(text(last)), text(last).data(), tick(last));
  }
  char told[k_most_told * (k_longest_name + 3)] = "";
  char* end = told;
  for (const size_t name : names) {
    if (end != told) *end++ = '+';
    end = std::copy(text(name).begin(), text(name).end(), end);
    if (blocks_[name].is_cut) *end++ = '\'';
  }
  return Words("%.*s", static_cast<int>(end - told), told);
}

}  // namespace arenite::lab
