// Table: which addresses large blocks begin at, and how large they are.
//
// It is all that is believed of a large block, and lies in memory of its own, between pages without
// access. Two directories, each of three levels, by address:
//
//   root ──► middle: 1,024 leaves ──► leaf: 512 slots, a word for each unit of address space
//
// Blocks of 128 KiB and more have units of 128 KiB: no two of them begin in the same. Smaller ones
// (a low mmap threshold, a block that shrank) have units of 4 KiB. A block's word stands in the
// slot that it begins in; 0 in all others. So whether a block begins at an address is two loads at
// most, and of several threads that take the same block out one succeeds: the word is exchanged for
// 0. No lock; nothing is ever moved. To grow is to make a leaf, and at most a middle: three pages.
// They stay for good: a page for each 64 MiB, or 2 MiB, in which a block ever began.
//
// A word's states, and who may change it:
//
//   0         nothing begins here        -> used, stranded: who has the range, and nobody else
//   used      a block of the program's   -> 0: free and realloc, by compare-and-exchange
//   stranded  a range of nobody's: the kernel would not unmap it
//                                        -> 0: who tries again, or hands it out, likewise
//
// Orderings: from 0 releases, to 0 acquires: who finds a range has what was known of it.
//
// Memory for nodes is promised before the kernel is asked for a range, since where that will lie is
// not known: so no range is ever had that cannot be entered. A promise is for three slots. What is
// promised fits the batch that nodes are cut from, beside what it has handed out; whose promise
// does not fit makes another batch, with room for all that are out.
#pragma once

#include <atomic>

#include "base/base.hpp"

namespace arenite::large {

// Whole pages in a row.
struct Range {
  uintptr_t start = 0;
  size_t size = 0;
  // So many of its bytes are known to hold memory; the rest nobody was seen to write. In the table
  // it is rounded down to a sixteenth.
  size_t seen = 0;
  // All of it counts as written, because others of its size were.
  bool is_believed = false;

  // Of what nobody was seen to write so much does not count.
  size_t unseen() const { return is_believed ? 0 : size - seen; }

  uintptr_t end() const { return start + size; }
};

enum class RangeState : unsigned { none, used, stranded };

// Memory that nodes are cut from, and what is promised of it.
class NodeMemory {
 public:
  static constexpr size_t k_leaf_slots = 512;
  static constexpr size_t k_middle_slots = 1024;
  static constexpr size_t k_promise = 3 * (k_leaf_slots + k_middle_slots) * k_word;

  // Room for three slots. False without memory.
  bool promise();
  void end_promise() { promised_.fetch_sub(k_promise, std::memory_order_release); }

  // Zero, and promised.
  void* take(size_t bytes);

  // In the child of a fork: who else had a promise is not in it.
  void restart_in_child() { promised_.store(0, std::memory_order_relaxed); }

 private:
  struct Batch;

  static Batch* make_batch(size_t size);
  static void unmake_batch(Batch* batch);

  std::atomic<Batch*> batch_{nullptr};
  std::atomic<size_t> promised_{0};
};

// A directory with a slot for each 2^k_unit_bits bytes.
template <unsigned k_unit_bits>
class Directory {
 public:
  using Slot = std::atomic<size_t>;

  // nullptr where none was made.
  Slot* slot(uintptr_t address) const {
    const auto root = static_cast<size_t>(uint64_t{address} >> k_root_shift);
    if (ARENITE_UNLIKELY(root >= k_roots)) return nullptr;
    Middle* middle = roots_[root].load(std::memory_order_acquire);
    if (middle == nullptr) return nullptr;
    Leaf* leaf = middle->leaves[index_of(address, k_middle_shift, NodeMemory::k_middle_slots)].load(
        std::memory_order_acquire);
    if (leaf == nullptr) return nullptr;
    return &leaf->words[index_of(address, k_unit_bits, NodeMemory::k_leaf_slots)];
  }

  // With a promise.
  void make_slot(uintptr_t address, NodeMemory& memory) {
    Middle* middle =
        node_at(roots_[static_cast<size_t>(uint64_t{address} >> k_root_shift)], memory);
    node_at(middle->leaves[index_of(address, k_middle_shift, NodeMemory::k_middle_slots)], memory);
  }

  // Calls visit(unit's address, word) for each that is not 0, until it returns false.
  template <typename Visit>
  bool for_each(Visit visit) const {
    for (size_t r = 0; r < k_roots; r++) {
      const Middle* middle = roots_[r].load(std::memory_order_acquire);
      if (middle == nullptr) continue;
      for (size_t m = 0; m < NodeMemory::k_middle_slots; m++) {
        const Leaf* leaf = middle->leaves[m].load(std::memory_order_acquire);
        if (leaf == nullptr) continue;
        const auto base =
            static_cast<uintptr_t>((uint64_t{r} << k_root_shift) | (uint64_t{m} << k_middle_shift));
        for (size_t i = 0; i < NodeMemory::k_leaf_slots; i++) {
          const size_t word = leaf->words[i].load(std::memory_order_acquire);
          if (word != 0 && !visit(base + (i << k_unit_bits), word)) return false;
        }
      }
    }
    return true;
  }

 private:
#if defined(__x86_64__)
  static constexpr uint64_t k_address_space = uint64_t{1} << 47;
#elif UINTPTR_MAX > UINT32_MAX
  static constexpr uint64_t k_address_space = uint64_t{1} << 48;
#else
  static constexpr uint64_t k_address_space = uint64_t{1} << 32;
#endif
  static constexpr unsigned k_middle_shift = k_unit_bits + 9;
  static constexpr unsigned k_root_shift = k_middle_shift + 10;
  static constexpr size_t k_roots =
      (k_address_space + (uint64_t{1} << k_root_shift) - 1) >> k_root_shift;

  struct Leaf {
    Slot words[NodeMemory::k_leaf_slots];
  };
  struct Middle {
    std::atomic<Leaf*> leaves[NodeMemory::k_middle_slots];
  };

  static size_t index_of(uintptr_t address, unsigned shift, size_t count) {
    return static_cast<size_t>(uint64_t{address} >> shift) & (count - 1);
  }

  // The node there, made if there is none.
  template <typename Node>
  static Node* node_at(std::atomic<Node*>& place, NodeMemory& memory) {
    Node* node = place.load(std::memory_order_acquire);
    if (ARENITE_LIKELY(node != nullptr)) return node;
    // Zero is an empty node. Where another is quicker this one stays unused, and is never touched.
    auto* fresh = static_cast<Node*>(memory.take(sizeof(Node)));
    return place.compare_exchange_strong(node, fresh, std::memory_order_acq_rel,
                                         std::memory_order_acquire)
               ? fresh
               : node;
  }

  std::atomic<Middle*> roots_[k_roots] = {};
};

class Table {
 public:
  // Room for three slots that are made as long as this stands.
  class Promise {
   public:
    explicit Promise(Table& table) : table_(table), holds_(table.nodes_.promise()) {}
    ~Promise() {
      if (holds_) table_.nodes_.end_promise();
    }
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    // False without memory.
    bool holds() const { return holds_; }

   private:
    Table& table_;
    bool holds_;
  };

  // Makes a slot for the range. With a promise; once made it stays, for any range of 128 KiB or
  // more that begins there, or for any smaller one.
  void make_slot(const Range& range);
  // There is a slot, and the range is the caller's.
  void put(const Range& range, RangeState state = RangeState::used);
  // Takes the range out that begins there and has this state; of size 0 where none does.
  Range take(uintptr_t start, RangeState state = RangeState::used);
  // The same, left in.
  Range at(uintptr_t start) const;

  // Whether any range is stranded.
  bool has_stranded() const { return stranded_.load(std::memory_order_relaxed) != 0; }

  // Calls visit(range) for each range in this state, until it returns false. Those that come or go
  // meanwhile may be missed. Takes as long as the table is large: not for the way of a request.
  template <typename Visit>
  void for_each(RangeState state, Visit visit) const;

  // What is known of the range once it was put in.
  static Range rounded(const Range& range) {
    Range known = from_word(0, to_word(range, RangeState::used));
    known.start = range.start;
    return known;
  }

  void restart_in_child() { nodes_.restart_in_child(); }

 private:
  static constexpr unsigned k_page_bits = 12;  // of the smallest page
  static constexpr unsigned k_coarse_bits = 17;

  // A word: size in pages << 12 | page in the unit << 7 | share << 2 | state. The share is that of
  // `seen`, in sixteenths, or that it is believed.
  static constexpr unsigned k_size_shift = 12;
  static constexpr unsigned k_place_shift = 7;
  static constexpr size_t k_places = size_t{1} << (k_coarse_bits - k_page_bits);
  static constexpr unsigned k_share_shift = 2;
  static constexpr size_t k_shares = 16;
  static constexpr size_t k_believed = 31;

  static bool is_coarse(size_t size) { return size >= size_t{1} << k_coarse_bits; }
  static size_t place_of(uintptr_t start) { return start >> k_page_bits & (k_places - 1); }
  static size_t to_word(const Range& range, RangeState state);
  static Range from_word(uintptr_t unit, size_t word);
  static bool is(size_t word, RangeState state) { return (word & 3) == static_cast<size_t>(state); }
  Directory<k_page_bits>::Slot* slot(const Range& range) const;
  // The slot of the range in this state that begins there, and its word; nullptr where none does.
  Directory<k_page_bits>::Slot* find(uintptr_t start, RangeState state, size_t& word) const;

  Directory<k_coarse_bits> coarse_;
  Directory<k_page_bits> fine_;
  NodeMemory nodes_;
  std::atomic<size_t> stranded_{0};
};

[[gnu::visibility("hidden")]] inline constinit Table g_table;

template <typename Visit>
void Table::for_each(RangeState state, Visit visit) const {
  const auto one = [&](uintptr_t unit, size_t word) {
    return !is(word, state) || visit(from_word(unit, word));
  };
  if (coarse_.for_each(one)) fine_.for_each(one);
}

}  // namespace arenite::large
