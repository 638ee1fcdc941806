// TinyBuddy: a page allocator in miniature, as the one below Linux' slabs. It hands out spans of
// 2^order pages and keeps what is free in a list for each order.
//
//   16 pages   | 0                                                             |  order 4
//   take 1     | 0 | 1 | 2   3 | 4         7 | 8                            15 |  split: 8 4 2 1
//
// A span of 2^order pages begins at a multiple of 2^order. So the span beside it with which it was
// cut, its buddy, is found by flipping one bit of its number: 2 and 0 for order 1, 8 and 0 for
// order
// 3. A span that comes back is joined with its buddy if that is free and whole, and the result with
// its own, and so on.
//
// For teaching: who has set watch() sees each split and each join. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <vector>

namespace arenite::lab {

class TinyBuddy {
 public:
  static constexpr size_t k_page = 4096;

  enum class Moment { split, joined };
  using Watcher = std::function<void(Moment, size_t page, unsigned order)>;

  // `area` has 2^whole_order pages, and begins at a multiple of a page.
  TinyBuddy(char* area, unsigned whole_order);

  // A span of 2^order pages, the lowest of the smallest that fit; nullptr where there is none.
  void* take(unsigned order);
  void give(void* span);

  // The order whose spans hold so many bytes.
  static unsigned order_for(size_t bytes);
  // The span around an address in use.
  void* span_around(const void* address) const;
  unsigned order_of(const void* span) const { return pages_[page_of(span)].order; }

  size_t page_count() const { return pages_.size(); }
  size_t free_pages() const;
  const std::set<size_t>& free_spans(unsigned order) const { return free_[order]; }
  unsigned orders() const { return static_cast<unsigned>(free_.size()); }
  size_t page_of(const void* address) const {
    return static_cast<size_t>(static_cast<const char*>(address) - area_) / k_page;
  }
  char* address_of(size_t page) const { return area_ + page * k_page; }

  // Calls visit(page, order, is_free) for each span, in the order of their addresses.
  template <typename Visit>
  void for_each_span(Visit visit) const {
    for (size_t page = 0; page < pages_.size(); page += size_t{1} << pages_[page].order)
      visit(page, pages_[page].order, pages_[page].is_free);
  }

  // `watcher` is called after each split (with the lower half) and each join.
  void watch(Watcher watcher) { watcher_ = std::move(watcher); }

 private:
  struct Page {  // means something where a span begins
    unsigned order = 0;
    bool is_free = false;
    bool begins = false;
  };

  void set_free(size_t page, unsigned order);
  void seen(Moment moment, size_t page, unsigned order) const {
    if (watcher_) watcher_(moment, page, order);
  }

  char* area_;
  std::vector<Page> pages_;
  std::vector<std::set<size_t>> free_;  // by order: where they begin
  Watcher watcher_;
};

}  // namespace arenite::lab
