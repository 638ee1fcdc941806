#include "slab/owner.hpp"

namespace arenite::slab {

void Owner::unlist(Slab* slab) {
  const bool is_full = slab->place.load(std::memory_order_relaxed) == Place::full;
  remove(slab, slab->size_class + (is_full ? k_classes : 0));
  slab->place.store(Place::moving, std::memory_order_relaxed);
}

void Owner::list_again(Slab* slab) {
  remove(slab, k_classes + slab->size_class);
  list(slab);
}

[[gnu::noinline]] void Owner::append(Slab* slab, unsigned which, Place place) {
  Slab*& first = first_[which];
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

[[gnu::noinline]] void Owner::remove(Slab* slab, unsigned which) {
  Slab*& first = first_[which];
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
