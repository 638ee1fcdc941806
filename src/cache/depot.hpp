// Depot: what belongs to no thread. Free pages of all regions but those that threads have in stock
// (stock.hpp), slabs with free blocks that their thread has given up, and the records of threads
// that have ended.
//
// It is an Owner like a thread. A thread that ends leaves its slabs to it; the next that starts
// takes over the record alone. Whoever needs a slab takes one of its class that is about as full as
// any (slab/owner.hpp), or, as it frees a block, the block's.
//
// One lock guards it all; it is taken once for many blocks. Fork freezes it: what needs it then
// fails.
//
// The ledger is told of whole pages: one is in use from when it is taken until it is a page again,
// whatever of it was touched, and then retained until it is purged. Headers, words and used bits
// are not counted: they are 2 % of what is in use; nor are marks, a byte a block where others free.
// Of free pages all but the headers are purged with the page. ledger::settle() is called when no
// lock is held any more, where a slab is made before anybody touches it: then what has to go
// because of it goes first.
#pragma once

#include <atomic>

#include "cache/thread.hpp"
#include "ledger/ledger.hpp"

namespace arenite::cache {

class Depot : public slab::OwnerByFullness {
 public:
  // After so many milliseconds what a thread did before it could see that its record is closed is
  // seen by all (cache.hpp).
  static constexpr uint32_t k_until_seen = 2;
  // Who has not used his record for so many is asleep; and where the process would grow otherwise.
  // By a clock of 10 ms at worst, so that it is never less than k_until_seen.
  static constexpr uint64_t k_asleep_after = 100;
  static constexpr uint64_t k_asleep_if_needed = 24;

  // A slab of the class with free blocks, now `owner`'s and moving; nullptr where there is none.
  slab::Slab* adopt(unsigned size_class, slab::Owner* owner);
  // This very slab, which was `from`'s, if that is the depot. False if it is not to be had.
  bool adopt(slab::Slab* slab, const slab::Owner* from, slab::Owner* owner);

  // A fresh slab of the class, now `owner`'s; nullptr where there is no memory. `will_fill`: so
  // many blocks are wanted that all of it is likely to be used.
  slab::Slab* make_slab(unsigned size_class, ThreadSlabs* owner, bool will_fill = false);

  // The first of so many pages side by side for a heap of mixed pages, moving and with no bit set;
  // nullptr where there are none. The heap's lock is held, so that fork has not frozen the depot;
  // ledger::settle() is due once it is not.
  slab::Slab* take_mixed_pages(size_t count);
  // They are free. Likewise.
  void give_mixed_pages(slab::Slab* first, size_t count);

  // Whether another owner had to grow for want of a slab of the class, and nobody has given any
  // since.
  bool is_wanted(unsigned size_class, const slab::Owner* by_another_than) const {
    const slab::Owner* who = wanted_by_[size_class].load(std::memory_order_relaxed);
    return who != nullptr && who != by_another_than;
  }
  // T10: some of a record's listed slabs of the class are the depot's from now on, if its magazine
  // of the class is empty. For its thread.
  void receive_some(ThreadSlabs* record, unsigned size_class);

  // T5: makes a slab that is listed with `owner` a free page, if no block of it is used any more.
  void reclaim_if_empty(slab::Slab* slab, slab::Owner* owner);

  // The same of several of its thread's, at once: into its stock, as far as there is room.
  void reclaim_if_empty(slab::Slab** slabs, unsigned count, ThreadSlabs* owner);
  // How many pages a thread may have in stock now: all threads together no more than may be
  // retained.
  unsigned stock_limit() const;

  // T3: takes a nobody's slab into which others have freed. Not where another was quicker; where
  // fork has frozen the depot, catch_up() does.
  void claim_full(slab::Slab* slab);

  // Which growth of the slabs starts as huge pages.
  std::atomic<policy::HugePages> huge_pages{policy::HugePages::automatic};
  // When the program had some megabytes in use, in milliseconds of the coarse clock; 0: not yet.
  std::atomic<size_t> busy_since{0};

  // A record for a thread; nullptr where there is no memory.
  ThreadSlabs* take_record();
  // Whether it would be one that an ended thread has left, unless another is quicker.
  bool has_idle_record() const {
    return __atomic_load_n(&idle_records_, __ATOMIC_RELAXED) != nullptr;
  }
  // T7: what it has is the depot's from now on, or nobody's. Waits for a fork.
  void give_record(ThreadSlabs* record);
  // T9: closes the records of some threads but one, and gives up what others had that were closed
  // so many milliseconds ago and not used since; all threads in turn, a few at a time. Whether it
  // has been round: `again`, and some may be asleep, or `over`, and all are awake or have nothing
  // left; the next look begins another sequence.
  enum class Tended : uint8_t { under_way, again, over };
  Tended tend_records(uint64_t now, uint64_t asleep_after, const ThreadSlabs* but);
  // The sequence of such looks that is under way, or comes next.
  uint32_t tending() const { return __atomic_load_n(&tending_, __ATOMIC_RELAXED); }
  // The same of all threads but one, now: who has not used his for some milliseconds gives all up.
  // Sleeps for so long. Linear in threads.
  void give_up_records(const ThreadSlabs* but);
  // Something could not be done, for the depot is frozen, or a record for visitors.
  void note_missed() { has_missed_.store(true, std::memory_order_release); }

  // Gives about `bytes` bytes of free pages back, whole extents of 2 MiB first, then what has been
  // free for longer; how many it was. The kernel is asked without the lock. One thread at a time
  // does so: 0 to others.
  size_t purge(size_t bytes);
  // All of it. Whether any went.
  bool purge() { return purge(SIZE_MAX) != 0; }
  // The kernel may have more than when it last refused.
  void ask_again();

  // T8: gives free pages inside listed slabs back, all of them; how many bytes it was.
  size_t purge_holes();
  // The next step of the round of looks for them, or the first of a new one, for about `work` units
  // of work: gives those back that are due, where `may_stay` bytes may stay (policy/holes.hpp).
  // Whether the round goes on, is over, or is over and another is to follow.
  enum class Look : uint8_t { under_way, over, again };
  Look look_for_holes(size_t may_stay, size_t work);
  // Bytes of them that are known: from the last whole round.
  size_t known_holes() const { return known_holes_.load(std::memory_order_relaxed); }
  // Its owner is about to allocate from a slab that has pages which are gone.
  void take_up_holes(slab::Slab* slab);
  // Whether the slab is between lists for that. The lock is held.
  bool is_out(const slab::Slab* slab) const;

  // Does what could not be done while the depot was frozen. Not with any lock held.
  void catch_up();

  // In the child of a fork: only `own` is left of the threads.
  void restart_in_child(ThreadSlabs* own);

  // Calls visit(region) for each, with the lock held.
  template <typename Visit>
  void for_each_region(Visit visit) {
    const os::Holding holding(lock);
    for_each_region_locked(visit);
  }
  // The same where the caller holds the lock.
  template <typename Visit>
  void for_each_region_locked(Visit visit) {
    for (slab::Region* r = regions_; r != nullptr; r = r->next) visit(*r);
  }

 private:
  static constexpr unsigned k_most_warm = 32;
  // For so long a look keeps others from the lock, in units of work.
  static constexpr size_t k_work_a_breath = 1024;

  // Whether somebody is at it. Changed with the lock, but for `left`: who found the lock frozen
  // when he came back from the kernel leaves the pages that he picked to the next who purges.
  enum class Purging : uint8_t { no, yes, left };

  slab::Slab* adopt_any(unsigned size_class, slab::Owner* owner);
  size_t tend(ThreadSlabs* record, uint64_t closed_by, bool& is_more);
  size_t tend_some(uint64_t closed_by, const ThreadSlabs* but, bool& is_once_round);
  bool look_for_sleepers(const ThreadSlabs* but);
  bool unlist_if_empty(slab::Slab* slab, slab::Owner* owner);
  bool reclaim(slab::Slab* slab, slab::Owner* owner);
  void find_overlooked(slab::Slab* slab, slab::Owner* owner);
  size_t receive_all(ThreadSlabs* record, size_t most);
  void receive_kept(void* block, const ThreadSlabs* record);
  bool close(ThreadSlabs* record);
  void claim(slab::Slab* slab);
  void reclaim_what_was_missed();
  slab::Region* first_dirty();
  slab::Slab* take_warm();
  slab::Slab* take_dirty();
  slab::Slab* take_page();
  slab::Slab* take_row(size_t count);
  slab::Region* add_region();
  void unmake(slab::Slab* slab);
  void give_page(slab::Slab* page);
  void make_page(slab::Slab* slab);
  slab::Slab* take_for(ThreadSlabs* owner, const slab::SizeClass* will_fill);
  slab::Slab* take_from_stock(ThreadSlabs* record);
  void fill_stock(ThreadSlabs* record);
  void reclaim_in_company(slab::Slab** slabs, unsigned count, ThreadSlabs* owner);
  unsigned into_stock(slab::Slab** slabs, unsigned count, ThreadSlabs* record);
  unsigned give_stock(ThreadSlabs* record, unsigned kept);
  bool recall_stocks(size_t bytes, size_t& got);
  void recover_stocks();
  bool should_start_huge(const slab::Slab* page);
  bool is_time_for_huge(const slab::Slab* page, policy::HugePages mode);
  void start_huge(const slab::Slab* page);
  void* next_small_extent(const slab::Slab* first_huge);
  void note_dirty(slab::Region* region);
  void note_open(slab::Region* region);
  void pick(slab::Pick which, size_t most_bytes, slab::PurgeBatch& batch);
  bool begin_purging();
  void end_purging();
  bool purge_pages(size_t bytes, size_t& all_gone, bool& is_refused);
  bool purge_batch(const slab::PurgeBatch& batch, size_t& gone);
  bool purge_words();
  void put_all_back();
  struct HoleBatch;
  enum class Asked : uint8_t { gone, refused, frozen };
  // Where a round of looks has got to: a page of a region; no region where none is under way.
  struct HolesHand {
    slab::Region* region = nullptr;
    size_t page = 0;
  };
  bool look_into(HolesHand& hand, size_t work, bool is_all_due, size_t& gone);
  void look_into(slab::Slab* slab, bool is_all_due, HoleBatch& batch);
  bool breathe();
  void take_out(slab::Slab* slab, HoleBatch& batch);
  bool is_refused_again();
  slab::Slab* note_refusal();  // nullptr
  Asked purge_out(HoleBatch& batch, size_t& all_gone);
  void relist(slab::Slab* slab);
  void relist_all_out();
  size_t forget_holes(slab::Slab* slab);
  void receive(slab::Slab* slab);

  // Whether an owner is the depot or a record without a thread.
  bool is_ownerless(const slab::Owner* owner) const {
    return owner == this ||
           static_cast<const ThreadSlabs*>(owner)->is_idle.load(std::memory_order_relaxed);
  }

  // Who had to grow last, of each class. A line of the cache of their own: all look at them.
  alignas(64) std::atomic<const slab::Owner*> wanted_by_[slab::k_classes] = {};

  alignas(64) slab::Region* regions_ = nullptr;  // the oldest first
  slab::Region* last_region_ = nullptr;
  slab::Region* first_open_ = nullptr;     // none before it has a free page that is not dirty
  slab::Region* dirty_regions_ = nullptr;  // those that have dirty pages, and some that had
  slab::Region* hand_ = nullptr;           // the region from which purging goes on
  std::atomic<Purging> purging_{Purging::no};
  // Some slab was to become a page, or to be claimed, and the depot was frozen.
  std::atomic<bool> has_missed_{false};
  // Pages freed last, the latest before warm_end_: their lines are in the cache. Some were taken or
  // purged since.
  slab::Slab* warm_[k_most_warm] = {};
  unsigned warm_end_ = 0;
  policy::Refusal refusal_;  // of a page
  policy::HugeBudget huge_budget_;
  size_t small_extent_ = 0;           // of the first region: the next to be looked at
  size_t small_extents_end_ = 0;      // where the first that started huge is
  unsigned huge_refusals_ = 0;        // in a row
  unsigned small_extents_to_go_ = 0;  // until the kernel is asked for a huge page again
  slab::Slab* out_[os::k_most_purge_ranges] = {};  // of their lists, for pages inside that go
  unsigned out_count_ = 0;
  policy::Holes holes_;
  HolesHand holes_hand_;
  std::atomic<size_t> known_holes_{0};
  std::atomic<size_t> holes_away_{0};      // bytes inside slabs that have gone
  std::atomic<size_t> holes_taken_up_{0};  // and that were taken up again since the last look
  // A thread may have pages in stock that nobody has asked for.
  std::atomic<bool> has_stocks_{false};
  std::atomic<unsigned> busy_records_{0};  // those with a thread; changed with the lock
  ThreadSlabs* records_ = nullptr;
  ThreadSlabs* idle_records_ = nullptr;         // the latest first
  ThreadSlabs* tended_ = nullptr;               // the next to be looked at
  uint32_t tending_ = 1;                        // changed with the lock
  bool is_more_to_tend_ = false;                // found since the last time round
  std::atomic<size_t> looked_for_sleepers_{0};  // when, in milliseconds
  uint64_t first_closing_ = 0;  // no record is closed at an earlier time from now on
};

[[gnu::visibility("hidden")]] extern constinit Depot g_depot;

// Whose slabs are in a child whose parent's threads had them: nobody changes them any more.
[[gnu::visibility("hidden")]] extern constinit ThreadSlabs g_forsaken;

}  // namespace arenite::cache
