// Splitting and joining spans. See tiny_buddy.hpp.

#include "tiny_buddy.hpp"

namespace arenite::lab {

TinyBuddy::TinyBuddy(char* area, unsigned whole_order)
    : area_(area), pages_(size_t{1} << whole_order), free_(whole_order + 1) {
  pages_[0].begins = true;
  set_free(0, whole_order);
}

void TinyBuddy::set_free(size_t page, unsigned order) {
  pages_[page].order = order;
  pages_[page].is_free = true;
  free_[order].insert(page);
}

unsigned TinyBuddy::order_for(size_t bytes) {
  unsigned order = 0;
  while (k_page << order < bytes) order++;
  return order;
}

void* TinyBuddy::take(unsigned order) {
  unsigned from = order;
  while (from < free_.size() && free_[from].empty()) from++;
  if (from >= free_.size()) return nullptr;
  const size_t page = *free_[from].begin();
  free_[from].erase(free_[from].begin());
  while (from > order) {
    from--;
    const size_t upper = page + (size_t{1} << from);
    pages_[upper].begins = true;
    set_free(upper, from);
    set_free(page, from);
    seen(Moment::split, page, from);
    free_[from].erase(page);
  }
  pages_[page].order = order;
  pages_[page].is_free = false;
  return address_of(page);
}

void TinyBuddy::give(void* span) {
  size_t page = page_of(span);
  unsigned order = pages_[page].order;
  set_free(page, order);
  while (order + 1 < free_.size()) {
    const size_t buddy = page ^ (size_t{1} << order);
    if (!pages_[buddy].begins || !pages_[buddy].is_free || pages_[buddy].order != order) break;
    free_[order].erase(page);
    free_[order].erase(buddy);
    pages_[page > buddy ? page : buddy].begins = false;
    if (buddy < page) page = buddy;
    order++;
    set_free(page, order);
    seen(Moment::joined, page, order);
  }
}

void* TinyBuddy::span_around(const void* address) const {
  size_t page = page_of(address);
  while (!pages_[page].begins) page--;
  return address_of(page);
}

size_t TinyBuddy::free_pages() const {
  size_t count = 0;
  for (size_t order = 0; order < free_.size(); order++) count += free_[order].size() << order;
  return count;
}

}  // namespace arenite::lab
