// Objects, slabs and colours. See tiny_slab.hpp.

#include "tiny_slab.hpp"

#include <algorithm>

namespace arenite::lab {

TinyCache::TinyCache(TinyBuddy& buddy, size_t object_bytes, unsigned order, Constructor constructor)
    : buddy_(buddy),
      object_bytes_(object_bytes),
      order_(order),
      constructor_(std::move(constructor)) {
  lay_out();
}

TinyCache::TinyCache(TinyBuddy& buddy, size_t object_bytes)
    : TinyCache(buddy, object_bytes, TinyBuddy::order_for(object_bytes)) {
  constexpr unsigned k_most_order = 3;
  const auto unused = [this] { return (TinyBuddy::k_page << order_) - capacity_ * object_bytes_; };
  while (order_ < k_most_order && unused() * 8 > TinyBuddy::k_page << order_) {
    order_++;
    lay_out();
  }
}

// How many objects a slab has, beside the header that tells of them, and what is left for colours.
void TinyCache::lay_out() {
  const size_t slab_bytes = TinyBuddy::k_page << order_;
  capacity_ = slab_bytes / object_bytes_;
  for (;; capacity_--) {
    const size_t needed = sizeof(Header) + capacity_ * sizeof(uint32_t);
    header_bytes_ = (needed + k_line - 1) / k_line * k_line;
    if (capacity_ == 0 || header_bytes_ + capacity_ * object_bytes_ <= slab_bytes) break;
  }
  most_colour_ = (slab_bytes - header_bytes_ - capacity_ * object_bytes_) / k_line * k_line;
}

TinyCache::Header* TinyCache::make_slab() {
  void* const span = buddy_.take(order_);
  if (span == nullptr) return nullptr;
  auto* slab = static_cast<Header*>(span);
  slab->colour = static_cast<uint32_t>(next_colour_);
  next_colour_ = next_colour_ == most_colour_ ? 0 : next_colour_ + k_line;
  slab->used = 0;
  slab->first_free = 0;
  for (size_t i = 0; i < capacity_; i++) {
    slab->next_free()[i] = static_cast<uint32_t>(i + 1);
    if (constructor_) constructor_(object(slab, i));
    constructions_++;
  }
  slabs_.push_back(slab);
  empty_.insert(slab);
  return slab;
}

void* TinyCache::take() {
  if (partial_.empty() && empty_.empty() && make_slab() == nullptr) return nullptr;
  Header* const slab = partial_.empty() ? *empty_.begin() : *partial_.begin();
  const uint32_t number = slab->first_free;
  slab->first_free = slab->next_free()[number];
  slab->used++;
  empty_.erase(slab);
  partial_.insert(slab);
  if (fill(slab) == Fill::full) partial_.erase(slab);
  return object(slab, number);
}

void TinyCache::give(void* object_given) {
  auto* const slab = static_cast<Header*>(buddy_.span_around(object_given));
  const auto number = static_cast<uint32_t>(
      static_cast<size_t>(static_cast<char*>(object_given) - object(slab, 0)) / object_bytes_);
  slab->next_free()[number] = slab->first_free;
  slab->first_free = number;
  slab->used--;
  if (fill(slab) == Fill::empty) {
    partial_.erase(slab);
    empty_.insert(slab);
  } else {
    partial_.insert(slab);
  }
}

void TinyCache::shrink() {
  for (Header* slab : empty_) {
    slabs_.erase(std::find(slabs_.begin(), slabs_.end(), slab));
    buddy_.give(slab);
  }
  empty_.clear();
}

bool TinyCache::is_free(const Header* slab, size_t number) const {
  for (uint32_t i = slab->first_free; i != capacity_; i = slab->next_free()[i]) {
    if (i == number) return true;
  }
  return false;
}

}  // namespace arenite::lab
