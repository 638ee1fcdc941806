#include "engine/beyond_slabs.hpp"

#include <cstring>

#include "chunk/chunk_engine.hpp"

namespace arenite::engine {
namespace {

// From so many bytes on the kernel is asked for pages that hold nothing: less is cleared as soon.
constexpr size_t k_least_purged = 32 * k_kib;

// Of blocks that are written runs are quicker and waste less: what one leaves serves another of any
// size. Of a block that is not nobody knows which pages hold memory, and a mapping takes them along
// as it goes. So this is glibc's moving threshold, up to the same 32 MiB, but by what was seen of
// the pages.
bool is_rather_a_run(size_t n) {
  return n < g_always_mapped_from.load(std::memory_order_relaxed) && large::are_written(n);
}

void* map(size_t n) {
  return is_rather_a_run(n) ? large::take_alike(n) : large::take(n);
}

void* map_zeroed(size_t n) {
  return is_rather_a_run(n) ? large::take_zeroed_alike(n) : large::take_zeroed(n);
}

// Clears n bytes from p on. Pages that are known to hold nothing stay so: but the program may have
// written to them though they were not its own, so they are given back once more, which costs
// little where nothing is there. Only such as are the block's alone: what shares a page with its
// end may be another's by now.
void clear_but(void* p, size_t n, span::KnownZero zero) {
  const span::KnownZero pages = zero.whole_pages(os::page_size());
  const size_t size = pages.end - pages.begin;
  if (size < k_least_purged || !os::purge(at_address<void>(pages.begin), size)) {
    memset(p, 0, n);
    return;
  }
  memset(p, 0, pages.begin - address_of(p));
  memset(at_address<void>(pages.end), 0, address_of(p) + n - pages.end);
}

}  // namespace

void* take_beyond(size_t n) {
  void* p = ARENITE_LIKELY(n < large::from()) ? nullptr : map(n);
  if (ARENITE_LIKELY(p == nullptr)) p = g_spans.allocate(n);
  if (ARENITE_LIKELY(p != nullptr)) chunk::perturb_fresh(p, n);
  return p;
}

void* take_beyond_zeroed(size_t n) {
  if (n >= large::from()) {
    if (void* p = map_zeroed(n)) return p;
  }
  span::KnownZero zero;
  void* p = g_spans.allocate_to_clear(n, zero);
  if (p != nullptr) clear_but(p, n, zero);
  return p;
}

void* take_beyond_aligned(size_t align, size_t n) {
  // By what a chunk would need for it, as the user knows the threshold.
  const bool is_mapped = n + align >= large::from() && !is_rather_a_run(n + align);
  void* p = is_mapped ? large::take_aligned(align, n) : nullptr;
  if (p == nullptr) p = g_spans.allocate_aligned(n, align);
  if (p != nullptr) chunk::perturb_fresh(p, n);
  return p;
}

void* take_beyond_to_grow(const void* block, size_t n) {
  // A mapping grows without a copy.
  void* p = n >= large::from() ? large::take(n) : nullptr;
  if (p == nullptr) p = g_spans.allocate_for_growth(block, n);
  if (p != nullptr) chunk::perturb_fresh(p, n);
  return p;
}

void give_run(void* p) {
  if (ARENITE_UNLIKELY(chunk::g_tuning.perturb != 0)) {
    chunk::perturb_freed(p, span::Heap::size_of(p, span::Fault::free_invalid_pointer));
  }
  span::Heap::free(p);
}

size_t size_beyond(const void* p, span::Fault if_none) {
  const size_t size = span::Heap::size_of(p, if_none);
  return size != 0 ? size : large::size_of(p);
}

void* resize_beyond(void* p, size_t size, size_t n) {
  if (span::Region::around(p) != nullptr) return span::Heap::resize(p, n) ? p : nullptr;
  // No page of it would come or go.
  if (n <= size && size - n < os::page_size()) return p;
  return large::resize(p, n);
}

}  // namespace arenite::engine
