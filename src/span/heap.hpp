// Heap: runs with a lock, and what needs the kernel. The door header (span.hpp) has the protocol.
//
// A heap is an object: there may be several, and a region knows whose it is.
#pragma once

#include "ledger/ledger.hpp"
#include "os/os.hpp"
#include "policy/policy.hpp"
#include "span/deferred.hpp"
#include "span/fault.hpp"
#include "span/runs.hpp"

namespace arenite::span {

inline constexpr ledger::Keeper k_keeper = ledger::Keeper::spans;

// Which bytes of a fresh block are known to be zero; none if it is empty.
struct KnownZero {
  uintptr_t begin = 0;
  uintptr_t end = 0;

  // Of them whole pages; empty if there are none.
  KnownZero whole_pages(size_t page_size) const {
    const uintptr_t first = align_up(begin, page_size);
    const uintptr_t last = align_down(end, page_size);
    return last > first ? KnownZero{first, last} : KnownZero{};
  }
};

// All in bytes.
struct Figures {
  struct Runs {
    size_t count;
    size_t bytes;
  };
  static constexpr unsigned k_doublings = k_unit_bits + 1;

  size_t regions;               // how many there are
  size_t committed;             // of them, without metadata
  size_t peak_committed;        // the most there ever was
  size_t in_use;                // blocks, and what is on its way to or from them
  size_t free;                  // committed and in no block
  size_t retained;              // of that whole pages that may hold memory
  Runs free_runs[k_doublings];  // [i]: those of 2^i to 2^(i+1) - 1 units
};

// A run as it stands, for snapshots.
struct RunView {
  enum class State : uint8_t { block, claimed, free, reserve };
  uintptr_t start;
  size_t bytes;
  size_t dirty_bytes;  // of whole pages inside a free one
  State state;
};

class Heap {
 public:
  // Once, before anything else. `page_size`: the kernel's, or a multiple of it.
  void begin(size_t page_size = os::page_size()) { runs_.begin(page_size); }

  // ---- blocks. All return nullptr, or false, where it cannot be done: there is no memory, the
  // size or alignment is more than k_largest, or fork has frozen the heap.

  // A block of n bytes at a multiple of `align`, a power of two.
  void* allocate(size_t n);
  void* allocate_aligned(size_t n, size_t align);
  // The same, which the caller clears but for what is known to be zero.
  void* allocate_to_clear(size_t n, KnownZero& zero);
  // A place for a block that has to move because it grows to n bytes. One that has grown before has
  // room for more.
  void* allocate_for_growth(const void* block, size_t n);

  // The rest need no heap: an address tells whose it is. They end the process where p lies in a
  // region and is no block.

  // False if p lies in no region of any heap. Never waits.
  ARENITE_INLINE static bool free(void* p);
  // What the program may use of the block; 0 if p lies in no region. `if_none`: what it is where no
  // block begins there.
  static size_t size_of(const void* p, Fault if_none = Fault::usable_invalid_pointer);
  // Gives the block room for n bytes where it is; k_largest at most. p lies in a region.
  static bool resize(void* p, size_t n);

  // ---- memory on its way to the kernel
  // Gives about `bytes` bytes of free pages back; how many it was. The kernel is asked without the
  // lock. One thread at a time: 0 to others.
  size_t purge(size_t bytes);

  // The kernel may have more than when it last refused.
  void ask_again();

  // ---- fork (engine/fork.hpp)
  void freeze() { lock_.freeze(); }
  void thaw();
  void restart_in_child();
  bool is_frozen() const { return lock_.is_frozen(); }

  // ---- looking, with the lock while it lasts
  // What was freed is free from then on. Linear in runs.
  Figures figures();
  // Calls visit(const RunView&) for each run, region after region. Linear in runs.
  template <typename Visit>
  void for_each_run(Visit visit);
  // Whether all invariants hold (verify.hpp). Linear in runs and pages.
  bool verify(Breach& breach);

 private:
  friend class Verification;

  // What of a step is under way while the lock is not held; `left`: who was at it found the lock
  // frozen when he came back, and the next holder ends it.
  static constexpr uint32_t k_idle = 0;
  static constexpr uint32_t k_busy = 1;
  static constexpr uint32_t k_awaited = 2;  // busy, and somebody sleeps until it is over
  static constexpr uint32_t k_left = 3;

  // `found`: a free run with room for what is wanted; `again`: somebody else has grown.
  enum class Grown : uint8_t { found, again, no, frozen };
  struct Growth {
    Region* region = nullptr;  // whose reserve is cut; nullptr: a region is made
    Region* record = nullptr;  // then for this one
    uint32_t unit = 0;
    uint32_t length = 0;
  };
  struct Purging {
    Found runs[os::k_most_purge_ranges] = {};
    uint32_t count = 0;
    size_t taken = 0;             // pages that counted as retained
    Region* withdrawn = nullptr;  // a region that goes, or whose words do
    bool is_gone = false;         // it went
    bool has_missed = false;      // there may be more such regions
  };
  // The block that was freed last, not merged yet.
  struct Last {
    Region* region = nullptr;
    uint32_t unit = 0;
    uint32_t length = 0;
  };

  static constexpr uint32_t k_longest_last = 64;
  static constexpr uint32_t k_most_drained = 64;  // in one go, for others wait
  static constexpr uint32_t k_headroom = 8;       // of a block that grows again: an eighth
  // Of blocks of these sizes what is free and does not fit earns room (policy/credit.hpp). Room for
  // smaller ones gains nothing, and for larger ones it is a large part of the peak.
  static constexpr size_t k_room_from = 128 * k_kib;

  void* allocate_with(size_t n, size_t align, Word flags, Pages* clean);
  ARENITE_INLINE void* take(const Found& found, uint32_t need, Word flags, Pages* clean);
  bool make_room(uint32_t need, uint32_t by, Found& found);
  ARENITE_INLINE static Word claim(Region* r, const void* p, uint32_t unit, Fault which);
  void give(Region* r, uint32_t unit, uint32_t length);
  void release_last();
  void release_all_freed();
  ARENITE_INLINE void leave();
  void leave_out_of_line();
  void tell();

  void defer(Region* r, uint32_t unit);
  void drain();
  void help();

  bool resize_claimed(Region* r, uint32_t unit, Word w, uint32_t need);
  Grown grow_in_place(Region* r, uint32_t unit, Word& w, uint32_t need);

  Grown grow(uint32_t need, uint32_t by, Found& found);
  Grown extend(Region* r, uint32_t need, uint32_t& begin);
  Grown leave_growth();
  uint32_t end_growth(uint32_t committed);
  Grown add_region();
  Region* make_region(Region* vacant);
  static void unmake_region(Region* r, const Region* vacant);
  uint32_t commit_step() const;

  bool purge_some(size_t& wanted, size_t& gone);
  size_t pick(size_t& wanted, os::PurgeRange* ranges);
  size_t put_back(size_t bytes_gone);
  bool retire(Region* r);
  bool retire_missed();
  void end_withdrawal();
  void end_what_was_left();

  os::Lock lock_;
  Deferred deferred_;
  Last last_;
  Runs runs_;
  // Changed with the lock, but to k_left.
  std::atomic<uint32_t> growing_{k_idle};
  std::atomic<uint32_t> purging_{k_idle};
  Growth growth_;
  Purging purge_;
  policy::Refusal refusal_;  // of a region
};

// Makes a block a claimed run; what its word was. Whoever comes second is refused, and so is what
// is no block.
ARENITE_INLINE Word Heap::claim(Region* r, const void* p, uint32_t unit, Fault which) {
  Word w = r->word(unit);
  if (ARENITE_UNLIKELY(!is_block(w) || !Region::is_at_unit(p))) fault(which, r, p);
  if (os::single_threaded()) {
    r->set(unit, w | k_claimed);
  } else if (ARENITE_UNLIKELY(!r->words[unit].compare_exchange_strong(w, w | k_claimed,
                                                                      std::memory_order_relaxed))) {
    fault(which, r, p);
  }
  return w;
}

ARENITE_INLINE bool Heap::free(void* p) {
  Region* r = Region::around(p);
  if (ARENITE_UNLIKELY(r == nullptr)) return false;
  const uint32_t unit = Region::unit_at(p);
  const Word w = claim(r, p, unit, Fault::free_invalid_pointer);
  r->heap->give(r, unit, w & k_length);
  return true;
}

template <typename Visit>
void Heap::for_each_run(Visit visit) {
  if (!lock_.lock_unless_frozen()) return;
  runs_.for_each_region([&](const Region& r) {
    for (uint32_t unit = 0; unit < r.end;) {
      const Word w = r.word(unit);
      const bool is_reserve = unit == r.reserve_begin;
      const uint32_t length = w & k_length;
      using State = RunView::State;
      const State state = is_reserve    ? State::reserve
                          : is_block(w) ? State::block
                          : is_used(w)  ? State::claimed
                                        : State::free;
      const size_t dirty =
          state == State::free ? r.dirty.count(runs_.inside(unit, length)) : size_t{0};
      visit(RunView{address_of(r.memory(unit)), size_t{length} << k_unit_shift,
                    runs_.bytes_of(dirty), state});
      unit += length;
    }
  });
  lock_.unlock();
}

}  // namespace arenite::span
