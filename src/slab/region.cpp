#include "slab/region.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::slab {
namespace {

// Access is asked for in steps: fewer calls, and little more than what is needed.
constexpr size_t k_commit_pages = 512 * k_kib / k_slab_size;

static_assert(sizeof(Region) <= k_line * k_first_page);

}  // namespace

constinit std::atomic<Kind> Region::kind{Kind::slab_region};

Region* Region::create() {
  void* start = os::reserve(k_region_size, k_region_size);
  if (start == nullptr) return nullptr;
  if (!os::commit(start, k_metadata_pages * k_slab_size)) {
    os::unmap(start, k_region_size);
    return nullptr;
  }
  auto* region = new (beyond<void>(start, k_region_state)) Region;
  os::keep_small(start, k_region_size);
  g_kind_map.set(start, kind.load(std::memory_order_relaxed));
  return region;
}

bool Region::commit_through(size_t page) {
  if (page < committed_end_) return true;
  const size_t step = page + k_commit_pages < k_end_page ? k_commit_pages : 1;
  void* start = at_address<void>(region_of(this) + committed_end_ * k_slab_size);
  size_t pages = page + step - committed_end_;
  if (!os::commit(start, pages * k_slab_size)) {
    pages = page + 1 - committed_end_;
    if (!os::commit(start, pages * k_slab_size)) return false;
  }
  committed_end_ += pages;
  return true;
}

// A free page becomes nobody's in particular.
Slab* Region::take_free(size_t page) {
  if (has(dirty_, page)) dirty_count_--;
  clear(dirty_, page);
  clear(free_, page);
  set(written_, page);
  free_count_--;
  note_peak();
  return at_address<Slab>(region_of(this) + page * sizeof(Slab));
}

Slab* Region::take_page(bool may_commit) {
  const bool has_free_before_end = free_count_ != k_end_page - used_end_;
  const bool has_dirty = dirty_count_ != 0;
  for (size_t i = has_dirty ? dirty_from_ : 0; has_free_before_end && i < k_masks; i++) {
    const uint64_t choice = has_dirty ? free_[i] & dirty_[i] : free_[i];
    if (choice == 0) continue;
    if (has_dirty) dirty_from_ = i;
    return take_free(i * 64 + static_cast<size_t>(std::countr_zero(choice)));
  }
  if (used_end_ == k_end_page || (!may_commit && used_end_ >= committed_end_) ||
      !commit_through(used_end_))
    return nullptr;
  set(free_, used_end_);
  return take_free(used_end_++);
}

ARENITE_SELDOM Slab* Region::take_row(size_t count) {
  const size_t first = used_end_;
  if (first + count > k_end_page || !commit_through(first + count - 1)) return nullptr;
  for (; used_end_ < first + count; used_end_++) {
    set(free_, used_end_);
    take_free(used_end_);
  }
  return at_address<Slab>(region_of(this) + first * sizeof(Slab));
}

bool Region::take_dirty(const Slab* page) {
  const size_t number = page_number(page);
  if (!has(free_, number) || !has(dirty_, number)) return false;
  take_free(number);
  return true;
}

void Region::give_page(Slab* page) {
  const size_t number = page_number(page);
  set(free_, number);
  set(dirty_, number);
  set(recent_, number);
  dirty_count_++;
  free_count_++;
  note_dirty_from(number);
}

}  // namespace arenite::slab
