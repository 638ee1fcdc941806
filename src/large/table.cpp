#include "large/table.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::large {

// Handed out from its start on, and never given back.
struct NodeMemory::Batch {
  std::atomic<size_t> used;
  size_t size;
};

namespace {

// Address space: what of it is not used costs nothing. Each batch is twice the one before, so that
// they are few mappings, up to what strict accounting can bear.
constexpr size_t k_first_batch = 256 * k_kib;
constexpr size_t k_largest_batch = 16 * k_mib;

}  // namespace

// Between two pages without access: nothing runs over into it.
NodeMemory::Batch* NodeMemory::make_batch(size_t size) {
  const size_t page = os::page_size();
  void* whole = os::reserve(size + 2 * page, page);
  if (whole == nullptr) return nullptr;
  void* inside = beyond<void>(whole, static_cast<ptrdiff_t>(page));
  if (!os::commit(inside, size)) {
    os::unmap(whole, size + 2 * page);
    return nullptr;
  }
  auto* batch = new (inside) Batch;
  batch->used.store(page, std::memory_order_relaxed);  // the first node begins at a page
  batch->size = size;
  return batch;
}

void NodeMemory::unmake_batch(Batch* batch) {
  const size_t page = os::page_size();
  os::unmap(at_address<void>(address_of(batch) - page), batch->size + 2 * page);
}

bool NodeMemory::promise() {
  // Acquires from end_promise(): what was taken under a promise that ended is in `used`.
  const size_t promised = promised_.fetch_add(k_promise, std::memory_order_acq_rel) + k_promise;
  Batch* batch = batch_.load(std::memory_order_acquire);
  for (;;) {
    if (ARENITE_LIKELY(batch != nullptr &&
                       batch->used.load(std::memory_order_relaxed) + promised <= batch->size))
      return true;
    size_t size = batch == nullptr ? k_first_batch : 2 * batch->size;
    if (size > k_largest_batch) size = k_largest_batch;
    if (size < 2 * promised) size = align_up(2 * promised, k_first_batch);
    Batch* fresh = make_batch(size);
    if (fresh == nullptr) {
      end_promise();
      return false;
    }
    if (batch_.compare_exchange_strong(batch, fresh, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      batch = fresh;
    } else {
      unmake_batch(fresh);
    }
  }
}

void* NodeMemory::take(size_t bytes) {
  Batch* batch = batch_.load(std::memory_order_acquire);
  const size_t at = batch->used.fetch_add(bytes, std::memory_order_relaxed);
  return beyond<void>(batch, static_cast<ptrdiff_t>(at));
}

size_t Table::to_word(const Range& range, RangeState state) {
  const size_t pages = range.size >> k_page_bits;
  // Rounded down: what is said to hold memory does.
  auto share = static_cast<size_t>(uint64_t{range.seen >> k_page_bits} * k_shares / pages);
  if (range.is_believed) share = k_believed;
  const size_t place = is_coarse(range.size) ? place_of(range.start) : 0;
  return pages << k_size_shift | place << k_place_shift | share << k_share_shift |
         static_cast<size_t>(state);
}

Range Table::from_word(uintptr_t unit, size_t word) {
  const size_t pages = word >> k_size_shift;
  const size_t share = word >> k_share_shift & (k_believed);
  const bool is_believed = share == k_believed;
  const auto seen = is_believed ? 0 : static_cast<size_t>(uint64_t{pages} * share / k_shares);
  const size_t place = word >> k_place_shift & (k_places - 1);
  return {unit + (place << k_page_bits), pages << k_page_bits, seen << k_page_bits, is_believed};
}

Directory<Table::k_page_bits>::Slot* Table::slot(const Range& range) const {
  return is_coarse(range.size) ? coarse_.slot(range.start) : fine_.slot(range.start);
}

void Table::make_slot(const Range& range) {
  if (is_coarse(range.size)) {
    coarse_.make_slot(range.start, nodes_);
  } else {
    fine_.make_slot(range.start, nodes_);
  }
}

void Table::put(const Range& range, RangeState state) {
  if (ARENITE_UNLIKELY(state == RangeState::stranded))
    stranded_.fetch_add(1, std::memory_order_relaxed);
  slot(range)->store(to_word(range, state), std::memory_order_release);
}

Directory<Table::k_page_bits>::Slot* Table::find(uintptr_t start, RangeState state,
                                                 size_t& word) const {
  if (!is_aligned(start, size_t{1} << k_page_bits)) return nullptr;
  auto* there = coarse_.slot(start);
  word = there == nullptr ? 0 : there->load(std::memory_order_acquire);
  if (is(word, state) && (word >> k_place_shift & (k_places - 1)) == place_of(start)) return there;
  there = fine_.slot(start);
  word = there == nullptr ? 0 : there->load(std::memory_order_acquire);
  return is(word, state) ? there : nullptr;
}

Range Table::take(uintptr_t start, RangeState state) {
  size_t word = 0;
  auto* there = find(start, state, word);
  const size_t found = word;
  if (there == nullptr || !there->compare_exchange_strong(word, 0, std::memory_order_acq_rel,
                                                          std::memory_order_relaxed)) {
    return {};
  }
  if (ARENITE_UNLIKELY(state == RangeState::stranded))
    stranded_.fetch_sub(1, std::memory_order_relaxed);
  Range range = from_word(0, found);
  range.start = start;
  return range;
}

Range Table::at(uintptr_t start) const {
  size_t word = 0;
  if (find(start, RangeState::used, word) == nullptr) return {};
  Range range = from_word(0, word);
  range.start = start;
  return range;
}

}  // namespace arenite::large
