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

// Whether runs tile the region.
inline bool do_runs_tile(const span::Region& r) {
  if (r.base % k_granule != 0 || r.end > span::k_units || r.reserve_begin > r.end) return false;
  uint32_t unit = 0;
  while (unit < r.end && unit != r.reserve_begin) {
    const span::Word length = r.word(unit) & span::k_length;
    if (length == 0 || length > r.reserve_begin - unit) return false;
    if ((r.last_word_before(unit + length) & span::k_length) != length) return false;
    unit += length;
  }
  return true;
}

// Calls visit(const span::RunView&) for each run of the region with this record. False if it
// changed as often as it was looked at.
template <Memory M, typename Visit>
bool for_each_run(M& memory, uintptr_t record, size_t page_size, Visit visit) {
  const auto* r = read<span::Region>(memory, record);
  if (r == nullptr) return false;
  if (!read_until(memory, record, sizeof(span::Region), [&] { return do_runs_tile(*r); }))
    return false;
  const auto page_units = static_cast<uint32_t>(page_size / span::k_unit);
  for (uint32_t unit = 0; unit < r->end;) {
    using State = span::RunView::State;
    const bool is_reserve = unit == r->reserve_begin;
    const span::Word w = r->word(unit);
    const uint32_t length = is_reserve ? r->end - unit : w & span::k_length;
    const State state = is_reserve          ? State::reserve
                        : span::is_block(w) ? State::block
                        : span::is_used(w)  ? State::claimed
                                            : State::free;
    const span::Pages inside{(unit + page_units - 1) / page_units, (unit + length) / page_units};
    const size_t dirty = state == State::free ? r->dirty.count(inside) : 0;
    visit(span::RunView{r->base + (size_t{unit} << span::k_unit_shift),
                        size_t{length} << span::k_unit_shift, dirty * page_size, state});
    unit += length;
  }
  return true;
}

}  // namespace arenite::view
