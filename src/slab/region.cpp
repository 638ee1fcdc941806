#include "slab/region.hpp"

#include <new>

#include "os/os.hpp"

namespace arenite::slab {
namespace {

// Access is asked for in steps: fewer calls, and little more than what is needed.
constexpr size_t k_commit_pages = 16;

static_assert(sizeof(Region) <= k_words_stride * k_first_page);

}  // namespace

Region* Region::create() {
  void* start = os::reserve(k_region_size, k_region_size);
  if (start == nullptr) return nullptr;
  if (!os::commit(start, k_metadata_pages * k_slab_size)) {
    os::unmap(start, k_region_size);
    return nullptr;
  }
  auto* region = new (beyond<void>(start, k_region_state)) Region;
  g_kind_map.set(start, Kind::slab_region);
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

Slab* Region::take_page() {
  const uint64_t* choice = dirty_count_ != 0 ? dirty_ : free_;
  const bool has_free_before_end = free_count_ != k_end_page - used_end_;
  for (size_t i = 0; has_free_before_end && i < k_masks; i++) {
    if (choice[i] == 0) continue;
    const auto bit = static_cast<size_t>(std::countr_zero(choice[i]));
    if (choice == dirty_) dirty_count_--;
    dirty_[i] &= ~(uint64_t{1} << bit);
    free_[i] &= ~(uint64_t{1} << bit);
    free_count_--;
    note_peak();
    return at_address<Slab>(region_of(this) + (i * 64 + bit) * sizeof(Slab));
  }
  if (used_end_ == k_end_page || !commit_through(used_end_)) return nullptr;
  free_count_--;
  note_peak();
  return at_address<Slab>(region_of(this) + used_end_++ * sizeof(Slab));
}

void Region::give_page(Slab* page) {
  const size_t number = page_number(page);
  const uint64_t bit = uint64_t{1} << (number % 64);
  free_[number / 64] |= bit;
  dirty_[number / 64] |= bit;
  dirty_count_++;
  free_count_++;
}

size_t Region::purge() {
  size_t purged = 0;
  for (size_t page = k_first_page; dirty_count_ != 0 && page < used_end_;) {
    size_t end = page;
    while (end < used_end_ && (dirty_[end / 64] >> (end % 64) & 1) != 0) end++;
    if (end == page) {
      page++;
      continue;
    }
    void* start = at_address<void>(region_of(this) + page * k_slab_size);
    if (!os::purge(start, (end - page) * k_slab_size)) return purged;
    for (; page < end; page++) {
      dirty_[page / 64] &= ~(uint64_t{1} << (page % 64));
      dirty_count_--;
      purged++;
    }
  }
  return purged;
}

}  // namespace arenite::slab
