// Regions of runs, in any memory.
#pragma once

#include "span/span.hpp"
#include "view/memory.hpp"
#include "view/opened.hpp"

namespace arenite::view {

// Calls visit(address of the record) for each region that the table at this address knows, by
// address. And part(start, bytes) for what of the table has memory of its own.
template <Memory M, typename Visit, typename Part>
void for_each_span_region(M& memory, uintptr_t table_address, Visit visit, Part part) {
  const auto* table = read<span::RegionTable>(memory, table_address);
  if (table == nullptr) return;
  for (const auto& root : opened_in<SpanRoots>(*table)) {
    const auto* there = root.load(std::memory_order_acquire);
    if (there == nullptr) continue;
    using Leaf = std::remove_cvref_t<decltype(*there)>;
    part(address_of(there), sizeof(Leaf));
    const auto* leaf = read<Leaf>(memory, address_of(there));
    if (leaf == nullptr) continue;
    for (const auto& region : leaf->regions) {
      const auto* record = region.load(std::memory_order_acquire);
      if (record != nullptr) visit(address_of(record));
    }
  }
}

// Whether what stands at a unit before the reserve can be a run: it ends before the reserve, and
// both of its lengths agree.
inline bool is_run(const span::Region& r, uint32_t unit) {
  const uint32_t end = r.reserve_begin <= r.end ? r.reserve_begin : r.end;
  const span::Word length = r.word(unit) & span::k_length;
  return length != 0 && unit < end && length <= end - unit &&
         (r.last_word_before(unit + length) & span::k_length) == length;
}

// Reads the run at a unit again until it is one. The region's own figures, too: it may have grown.
template <Memory M>
bool settle_run(M& memory, uintptr_t record, const span::Region& r, uint32_t unit) {
  constexpr uint32_t k_near = 16;
  const uint32_t from = unit < k_near ? 0 : unit - k_near;
  const auto offset = address_of(&r.words[from]) - address_of(&r);
  const size_t bytes =
      (sizeof(span::Region) - offset) < 4096 ? sizeof(span::Region) - offset : 4096;
  return read_until(memory, record + offset, bytes, [&] {
    if (unit == r.reserve_begin || is_run(r, unit)) return true;
    const uint32_t behind = unit + (r.word(unit) & span::k_length);
    memory.again(record, offsetof(span::Region, dirty));
    if (behind != unit && behind <= span::k_units)
      memory.again(record + (address_of(&r.words[behind - 1]) - address_of(&r)),
                   sizeof(span::Word));
    return false;
  });
}

// Calls visit(const span::RunView&) for each run of the region with this record.
template <Memory M, typename Visit, typename Moving>
void for_each_run(M& memory, uintptr_t record, size_t page_size, Visit visit, Moving moving) {
  using State = span::RunView::State;
  const auto* r = read<span::Region>(memory, record);
  const auto is_region = [&] {
    return r->base != 0 && r->base % k_granule == 0 && r->end <= span::k_units &&
           r->reserve_begin <= r->end;
  };
  if (r == nullptr) return;
  if (!read_until(memory, record, sizeof(span::Region), is_region))
    return moving(align_down(r->base, k_granule), k_granule);
  const auto page_units = static_cast<uint32_t>(page_size / span::k_unit);
  const uintptr_t base = r->base;
  const auto show = [&](uint32_t unit, uint32_t length, size_t dirty, State state) {
    visit(span::RunView{base + (size_t{unit} << span::k_unit_shift),
                        size_t{length} << span::k_unit_shift, dirty * page_size, state});
  };
  uint32_t unit = 0;
  while (unit < r->end && unit != r->reserve_begin) {
    if (!is_run(*r, unit) && !settle_run(memory, record, *r, unit)) {
      // On from the next block: nothing else has this bit.
      const uint32_t from = unit;
      do unit++;
      while (unit < r->end && unit != r->reserve_begin &&
             !(span::is_used(r->word(unit)) && is_run(*r, unit)));
      moving(base + (size_t{from} << span::k_unit_shift),
             size_t{unit - from} << span::k_unit_shift);
      continue;
    }
    if (unit == r->reserve_begin) break;
    const span::Word w = r->word(unit);
    const uint32_t length = w & span::k_length;
    const State state = span::is_block(w)  ? State::block
                        : span::is_used(w) ? State::claimed
                                           : State::free;
    const span::Pages inside{(unit + page_units - 1) / page_units, (unit + length) / page_units};
    show(unit, length, state == State::free ? r->dirty.count(inside) : 0, state);
    unit += length;
  }
  if (unit < r->end) show(unit, r->end - unit, 0, State::reserve);
}

}  // namespace arenite::view
