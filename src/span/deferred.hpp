// Deferred: blocks that were freed while another thread held the heap's lock.
//
// Anyone pushes, without a lock; who holds the lock takes them, one by one. The links lie in the
// blocks' second words, which belong to whoever has claimed the block, and name runs, so that the
// list needs no memory and meets no address.
//
//   head_   the newest. Push: compare-and-exchange, release. The holder takes all at once with an
//           exchange, acquire: nobody removes a single one, so a link that was read cannot be of an
//           older list.
//   rest_   what of them the holder has not taken yet; changed with the lock
#pragma once

#include "span/run.hpp"

namespace arenite::span {

class Deferred {
 public:
  // `link` is the word of the block for that.
  void push(Reference block, std::atomic<Word>& link) {
    Reference head = head_.load(std::memory_order_relaxed);
    do {
      link.store(head, std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, block, std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  // Whether there is any; a hint without the lock.
  ARENITE_INLINE bool has_any() const {
    return (head_.load(std::memory_order_relaxed) | rest_.load(std::memory_order_relaxed)) != 0;
  }
  // With the lock: the next; 0 where there is none. `link_of(block)` is the word of the block for
  // that.
  template <typename LinkOf>
  Reference take(LinkOf link_of) {
    Reference block = rest_.load(std::memory_order_relaxed);
    if (block == 0) block = head_.exchange(0, std::memory_order_acquire);
    if (block != 0)
      rest_.store(link_of(block).load(std::memory_order_relaxed), std::memory_order_relaxed);
    return block;
  }

  // With the lock: calls link_of(block), the address of its word for that, for all that wait now.
  template <typename LinkOf>
  void for_each(LinkOf link_of) const {
    for (const auto* list : {&rest_, &head_}) {
      Reference block = list->load(std::memory_order_acquire);
      while (block != 0) block = link_of(block)->load(std::memory_order_relaxed);
    }
  }

 private:
  std::atomic<Reference> head_{0};
  std::atomic<Reference> rest_{0};
};

}  // namespace arenite::span
