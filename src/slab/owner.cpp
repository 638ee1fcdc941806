#include "slab/owner.hpp"

namespace arenite::slab {
namespace {

// Which quarter of it is free, as it is listed.
unsigned part_of(const Slab* slab) {
  const unsigned part = slab->free_count * Owner::k_parts / info(slab->size_class).block_count;
  return part < Owner::k_parts ? part : Owner::k_parts - 1;
}

}  // namespace

Slab*& Owner::head_of(unsigned which, unsigned part) {
  if (ARENITE_LIKELY(part == 0)) return first_[which];
  return static_cast<OwnerByFullness*>(this)->more_first_[(part - 1) * k_classes + which];
}

Slab* Owner::first_of(unsigned size_class, unsigned part) const {
  if (part != 0 && lists_ == Lists::one) return nullptr;
  return const_cast<Owner*>(this)->head_of(size_class, part);
}

[[gnu::noinline]] void Owner::list(Slab* slab) {
  const unsigned part = lists_ == Lists::one ? 0 : part_of(slab);
  links_of(slab).part = static_cast<uint8_t>(part);
  count(slab->size_class, 1);
  append(slab, head_of(slab->size_class, part), Place::listed);
}

void Owner::unlist(Slab* slab) {
  // Which of the two is hard to foretell: no branch.
  const unsigned size_class = slab->size_class;
  const bool is_full = slab->place.load(std::memory_order_relaxed) == Place::full;
  remove(slab, head_of(size_class + (is_full ? k_classes : 0), links_of(slab).part));
  count(size_class, is_full ? 0 : -1U);
  slab->place.store(Place::moving, std::memory_order_relaxed);
}

void Owner::list_again(Slab* slab) {
  remove(slab, first_[k_classes + slab->size_class]);
  list(slab);
}

ARENITE_APART Slab* Owner::take_one(unsigned size_class) {
  for (const unsigned part : {1, 2, 0, 3}) {
    Slab* slab = first_of(size_class, part);
    if (slab == nullptr) continue;
    unlist(slab);
    return slab;
  }
  return nullptr;
}

[[gnu::noinline]] void Owner::append(Slab* slab, Slab*& first, Place place) {
  SlabLinks& links = links_of(slab);
  links.next = nullptr;
  links.list.store(this, std::memory_order_relaxed);
  if (first == nullptr) {
    set(first, slab);
    links.prev = slab;
  } else {
    links.prev = links_of(first).prev;
    links_of(links.prev).next = slab;
    links_of(first).prev = slab;
  }
  slab->place.store(place, std::memory_order_relaxed);
}

[[gnu::noinline]] void Owner::remove(Slab* slab, Slab*& first) {
  SlabLinks& links = links_of(slab);
  links.list.store(nullptr, std::memory_order_relaxed);
  if (first == slab) {
    set(first, links.next);
  } else {
    links_of(links.prev).next = links.next;
  }
  if (Slab* behind = links.next != nullptr ? links.next : first) links_of(behind).prev = links.prev;
}

}  // namespace arenite::slab
