#include "cache/slabs.hpp"

#include "cache/exchange.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Fault;
using slab::Owner;
using slab::Place;
using slab::Slab;

// A thread's first blocks of a class come from the chunk engine, where they share pages with others
// of all sizes: a thread that needs few of each costs no page for each. So many bytes, or requests.
constexpr size_t k_warm_up_bytes = 4096;
constexpr size_t k_warm_up_most = 32;
constexpr size_t k_warm_up_least = 4;

bool is_warming_up(Thread& thread, unsigned size_class) {
  size_t limit = k_warm_up_bytes / slab::info(size_class).size;
  if (limit > k_warm_up_most) limit = k_warm_up_most;
  if (limit < k_warm_up_least) limit = k_warm_up_least;
  uint8_t& so_far = thread.warmed_up[size_class];
  if (so_far >= limit) return false;
  so_far++;
  return true;
}

// Every so often what happens to slabs is reason enough to look what has to go, though no page has
// come free: not in a program that has little, which runs no cold code. An exchange moves 16 KiB of
// blocks, or four, so what a thread has freed and nobody has heard of is 2 MiB at most. No lock is
// held.
constexpr uint8_t k_turns_unheard = k_mib / slab::k_slab_size;

ARENITE_SELDOM void look_after_turns(ThreadSlabs* mine) {
  mine->turns = 0;
  if (ledger::g_ledger.live() > 4 * ledger::g_ledger.bound()) ledger::ask_purger();
}
ARENITE_INLINE void count_a_turn(ThreadSlabs* mine) {
  if (ARENITE_UNLIKELY(++mine->turns == k_turns_unheard)) look_after_turns(mine);
}

// A thread that has just got its record may do little with it and go to sleep: somebody is to look.
void ask_soon(ThreadSlabs* mine) {
  constexpr uint8_t k_turns_soon = 8;
  mine->turns = k_turns_unheard - k_turns_soon;
}

// Makes a nobody's slab `owner`'s (T3). False if another was quicker.
ARENITE_INLINE bool claim_full(Slab* slab, Owner* owner) {
  if (os::single_threaded()) {
    slab->owner.store(owner, std::memory_order_relaxed);
    return true;
  }
  Owner* nobody = nullptr;
  return slab->owner.compare_exchange_strong(nobody, owner, std::memory_order_seq_cst,
                                             std::memory_order_relaxed);
}

// A slab that has just become ours goes into one of our lists, or is a page.
ARENITE_APART void list_mine(Slab* slab) {
  ThreadSlabs* mine = t_thread.record;
  mine->lock.lock();
  const bool is_free = list_by_what_is_free(mine, slab);
  mine->lock.unlock();
  if (ARENITE_UNLIKELY(is_free)) g_depot.reclaim_if_empty(slab, mine);
}

// Whether this thread, which frees a block of a slab of the class, has use for the slab: it has few
// with free blocks. Who frees more than it takes would keep from the others what they need.
bool has_use_for_more(unsigned size_class) {
  constexpr uint32_t k_enough = 4;
  return is_settled() && t_thread.record->listed(size_class) < k_enough;
}

// A slab that was nobody's a moment ago, and in which this thread has marked a block. A thread that
// has no use for it leaves it to the depot.
ARENITE_APART void claim_marked(Slab* slab, unsigned size_class) {
  if (!has_use_for_more(size_class)) return g_depot.claim_full(slab);
  if (claim_full(slab, t_thread.record)) list_mine(slab);
}

// This thread has marked a block in what was a full slab of another's, who is to find it. As others
// free what he has filled, he is to give up some more of the class, if they have use for them.
void list_full_of(Owner* owner, Slab* slab, unsigned size_class) {
  constexpr uint8_t k_shed_at_once = 4;
  constexpr uint8_t k_shed_at_most = 64;
  // The depot has no full ones in a list: it is a thread's.
  auto* theirs = static_cast<ThreadSlabs*>(owner);
  if (!theirs->visitors.lock_unless_frozen()) return g_depot.note_missed();
  theirs->lock.lock();
  // He may have collected the mark since, and handed the block out.
  const bool is_there = theirs->has_listed(slab) &&
                        slab->place.load(std::memory_order_relaxed) == Place::full &&
                        !slab::is_zero(slab->has_remote);
  if (is_there) {
    theirs->list_again(slab);
    uint8_t& to_shed = theirs->to_shed[size_class];
    if (to_shed < k_shed_at_most) to_shed += k_shed_at_once;
  }
  theirs->lock.unlock();
  theirs->visitors.unlock();
  os::barrier_after_unlock();
  if (!is_there && slab->owner.load(std::memory_order_acquire) == nullptr)
    return claim_marked(slab, size_class);
  if (slab::is_wholly_free(slab, size_class)) g_depot.reclaim_if_empty(slab, owner);
}

// Whether the block is free and so are those beside it, as seen from outside: only then is it worth
// while to ask whether all are.
bool is_free_around(const Slab* slab, uint32_t granule, unsigned size_class) {
  const slab::SizeClass& k = slab::info(size_class);
  const uint32_t step = k.size >> k.shift;
  const auto is_free_at = [&](uint32_t g) {
    return (slab::load(slab::word_of(slab, g / 64)) >> (g % 64) & 1) != 0 ||
           slab::mark_of(slab, g).load(std::memory_order_relaxed) != 0;
  };
  return (granule < step || is_free_at(granule - step)) &&
         (granule + step >= k.block_count * step || is_free_at(granule + step));
}

// A free by a thread that is not the owner.
void give_to_another(Slab* slab, void* block) {
  const uint32_t granule = slab::granule_of(slab, block);
  const unsigned size_class = slab->size_class;
  // From the next line on the block is free, and the slab may become another.
  if (ARENITE_UNLIKELY(!slab::mark(slab, granule))) refuse_free(slab, block);
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == nullptr) return claim_marked(slab, size_class);
  if (owner == &g_forsaken) return;
  const Place place = slab->place.load(std::memory_order_relaxed);
  if (place == Place::full && owner != &g_depot) return list_full_of(owner, slab, size_class);
  if (place == Place::listed && is_free_around(slab, granule, size_class) &&
      slab::is_wholly_free(slab, size_class))
    g_depot.reclaim_if_empty(slab, owner);
}

// Whether this thread, which frees a block of a slab that has no thread, can make it its own.
bool can_take(Slab* slab, const Owner* owner) {
  if ((owner != nullptr && owner != &g_depot) || !has_use_for_more(slab->size_class)) return false;
  ThreadSlabs* mine = t_thread.record;
  return owner == nullptr ? claim_full(slab, mine) : g_depot.adopt(slab, owner, mine);
}

}  // namespace

namespace {

// From whatever is true now: two threads may change it at once, and the later must not undo what
// the earlier has changed.
ARENITE_SELDOM void choose_direct() {
  for (;;) {
    const size_t below = g_served.below.load();
    const bool watched = g_served.watched.load();
    const bool operators = g_served.operators.load();
    const bool detour = watched || !operators;
    g_served.direct_below.store(watched ? 0 : below);
    g_served.operator_direct_below.store(detour ? 0 : below);
    g_served.operators_detour.store(detour);
    g_served.watched_below.store(watched ? below : 0);
    if (g_served.below.load() == below && g_served.watched.load() == watched &&
        g_served.operators.load() == operators)
      return;
  }
}

}  // namespace

ARENITE_SELDOM void serve_below(size_t below) {
  g_served.below.store(below);
  choose_direct();
}

ARENITE_SELDOM void serve_operators(bool served) {
  slab::Region::kind.store(served ? Kind::slab_region : Kind::slab_region_by_name,
                           std::memory_order_relaxed);
  g_served.operators.store(served);
  choose_direct();
}

void watch(bool watched) {
  if (is_watched() == watched) return;
  g_served.watched.store(watched);
  choose_direct();
}

ARENITE_SELDOM bool settle() {
  Thread& thread = t_thread;
  if (thread.has_record()) {
    reopen();
    return true;
  }
  if (thread.departing || !serve_anybody()) return false;
  ThreadSlabs* record = g_depot.take_record();
  if (record == nullptr) return false;
  thread.record = record;
  for (unsigned c = 0; c < slab::k_classes; c++) {
    if (thread.warmed_up[c] < record->warmed_up[c]) thread.warmed_up[c] = record->warmed_up[c];
  }
  ask_soon(record);
  thread.slabs.store(record, std::memory_order_relaxed);
  // Afterwards: this may allocate, and is then served from what has just been settled.
  if (mark_thread()) {
    record->lock.lock();
    record->thread = &thread;
    record->lock.unlock();
  }
  return true;
}

namespace {

// While the magazine is empty all blocks of full slabs are handed out. Those of a class that others
// free become nobody's, so that the first who frees makes them his own. Our lock is held.
ARENITE_APART void shed(ThreadSlabs* mine, unsigned size_class) {
  for (uint8_t& left = mine->to_shed[size_class]; left != 0; left--) {
    Slab* slab = mine->first_full(size_class);
    if (slab == nullptr) return;
    mine->unlist(slab);
    slab->place.store(Place::full, std::memory_order_relaxed);
    slab->owner.exchange(nullptr, std::memory_order_seq_cst);
    if (slab::is_zero(slab->has_remote) || !claim_full(slab, mine)) continue;
    list_by_what_is_free(mine, slab);
  }
}

// One more slab of a class is listed: the depot's, or a new one. False where there is none, or the
// chunk engine is to serve first.
ARENITE_SELDOM bool add_slab(ThreadSlabs* mine, unsigned size_class) {
  Slab* slab = g_depot.adopt(size_class, mine);
  if (slab == nullptr) {
    if (is_warming_up(t_thread, size_class)) return false;
    slab = g_depot.make_slab(size_class, mine, !mine->has_none_full(size_class));
    if (slab == nullptr) return false;
  }
  mine->lock.lock();
  list_by_what_is_free(mine, slab);
  mine->lock.unlock();
  return true;
}

// A block of a class whose magazine is empty, which is filled.
[[gnu::noinline]] void* take_and_refill(unsigned size_class) {
  // Who needs little needs no record, unless there is one that somebody has left.
  Thread& thread = t_thread;
  if (!thread.has_record() && !g_depot.has_idle_record() && is_warming_up(thread, size_class))
    return nullptr;
  // Settling may allocate, from this class too.
  if (!is_settled()) return nullptr;
  ThreadSlabs* mine = t_thread.record;
  Magazine& magazine = mine->magazines[size_class];
  bool took_up = false;
  for (;;) {
    mine->lock.lock();
    void* block = take_from(magazine);
    bool has_slots = true;
    if (block == nullptr) {
      if (ARENITE_UNLIKELY(mine->to_shed[size_class] != 0)) shed(mine, size_class);
      if (mine->first(size_class) != nullptr) {
        has_slots = magazine.grow_empty(size_class, mine->spare);
        take_from_slabs(mine, size_class, magazine.capacity() / 2, took_up);
        block = take_from(magazine);
      }
    }
    mine->lock.unlock();
    if (ARENITE_UNLIKELY(took_up)) ledger::settle();
    if (ARENITE_LIKELY(block != nullptr)) {
      count_a_turn(mine);
      return block;
    }
    if (ARENITE_UNLIKELY(!has_slots)) return nullptr;
    if (!add_slab(mine, size_class)) return nullptr;
  }
}

// Slabs of ours of which no block is used any more become pages: what waits in the magazine is
// enough for the next requests.
[[gnu::noinline]] void give_up_complete(ThreadSlabs* mine, Slab** complete, unsigned count) {
  if (count != 0) g_depot.reclaim_if_empty(complete, count, mine);
  count_a_turn(mine);
}

// How many blocks of a class are in use or in the magazine, if they are of few slabs. Our lock is
// held.
constexpr uint32_t k_many_blocks = UINT32_MAX;
ARENITE_SELDOM uint32_t blocks_out(const ThreadSlabs* mine, unsigned size_class) {
  constexpr int k_few_slabs = 4;
  if (mine->first_full(size_class) != nullptr) return k_many_blocks;
  uint32_t blocks = 0;
  const Slab* slab = mine->first(size_class);
  for (int i = 0; slab != nullptr; slab = slab::links_of(slab).next, i++) {
    if (i == k_few_slabs) return k_many_blocks;
    blocks += slab->block_count - slab->free_count;
  }
  return blocks;
}

// Gives all blocks of a magazine back; or only if it was not used since this was last asked.
ARENITE_SELDOM void flush(ThreadSlabs* mine, unsigned size_class, bool only_unused) {
  Slab* complete[Magazine::k_most];
  unsigned count = 0;
  mine->lock.lock();
  if (!only_unused || mine->magazines[size_class].is_unused())
    count = put_back(mine, size_class, Magazine::k_most, complete);
  mine->lock.unlock();
  if (count != 0) give_up_complete(mine, complete, count);
}

}  // namespace

void* take_of_class(unsigned size_class) {
  Thread& thread = t_thread;
  enter(thread);
  void* block = take_from(thread.slabs.load(std::memory_order_relaxed)->magazines[size_class]);
  leave(thread);
  return ARENITE_LIKELY(block != nullptr) ? block : take_and_refill(size_class);
}

[[gnu::noinline]] void give_to_full_magazine(Slab* slab, void* block) {
  // Somebody may have closed the record since, but he does not give up the slab while we are busy.
  ThreadSlabs* mine = t_thread.record;
  const unsigned size_class = slab->size_class;
  Magazine& magazine = mine->magazines[size_class];
  Slab* complete[Magazine::k_most + 1];
  unsigned count = 0;
  mine->lock.lock();
  leave(t_thread);
  if (ARENITE_UNLIKELY(!slab::set_unused(block))) refuse_free(slab, block);
  bool has_slot = magazine.top != magazine.end || magazine.grow_full(size_class, mine->spare);
  if (!has_slot) {
    const uint32_t out = magazine.is_freeing() ? blocks_out(mine, size_class) : k_many_blocks;
    // With this one all are back.
    const bool is_last = out <= magazine.count() + 1;
    const uint32_t surplus = is_last ? magazine.count() : magazine.surplus();
    count = put_back(mine, size_class, surplus, complete);
    has_slot = !is_last && magazine.capacity() != 0;
    if (has_slot && magazine.is_freeing()) magazine.keep_few(size_class, out - surplus);
  }
  if (ARENITE_LIKELY(has_slot)) {
    *magazine.top++ = block;
  } else {
    count += put_back(mine, &block, 1, complete + count);
  }
  mine->lock.unlock();
  give_up_complete(mine, complete, count);
}

// A free of a block of a slab that is not ours. What is nobody's, or the depot's, becomes ours.
ARENITE_APART void give_foreign(Slab* slab, void* block) {
  Thread& thread = t_thread;
  leave(thread);
  if (ARENITE_UNLIKELY(thread.has_record() &&
                       thread.slabs.load(std::memory_order_relaxed) == &g_no_slabs)) {
    reopen();
    return give(block);
  }
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == &g_forsaken) return;
  if (ARENITE_UNLIKELY(!slab::is_used(block))) refuse_free(slab, block);
  if (can_take(slab, owner)) {
    list_mine(slab);
    return give(block);
  }
  give_to_another(slab, block);
}

// Others have freed blocks of our slab, perhaps this one.
ARENITE_APART void give_after_others(Slab* slab, void* block) {
  Thread& thread = t_thread;
  if (ARENITE_UNLIKELY(slab::is_free(slab, block))) refuse_free(slab, block);
  // Not by `slabs`: somebody may have closed the record since.
  Magazine& magazine = thread.record->magazines[slab->size_class];
  if (ARENITE_UNLIKELY(magazine.top == magazine.end)) return give_to_full_magazine(slab, block);
  slab::set_unused(block);
  *magazine.top++ = block;
  leave(thread);
}

ARENITE_COLD void refuse_free(const Slab* slab, void* block) {
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  slab::fault(slab->is_start(offset) ? Fault::double_free : Fault::invalid_pointer, slab, block);
}

ARENITE_SELDOM_APART void reopen() {
  Thread& thread = t_thread;
  ThreadSlabs* mine = thread.record;
  mine->lock.lock();
  mine->closed_at = 0;
  mine->awake_in = g_depot.tending();
  // Who has slept is likely to sleep again.
  if (mine->is_given_up) ask_soon(mine);
  mine->is_given_up = false;
  thread.slabs.store(mine, std::memory_order_relaxed);
  mine->lock.unlock();
  empty_unused_magazines();
}

ARENITE_SELDOM_LARGER void empty_unused_magazines() {
  ThreadSlabs* mine = t_thread.record;
  if (mine == nullptr) return;
  for (unsigned c = 0; c < slab::k_classes; c++) flush(mine, c, true);
}

ARENITE_COLD void empty_magazines() {
  ThreadSlabs* mine = t_thread.record;
  if (mine == nullptr) return;
  for (unsigned c = 0; c < slab::k_classes; c++) flush(mine, c, false);
}

ARENITE_SELDOM_APART void leave_slabs() {
  Thread& thread = t_thread;
  ThreadSlabs* mine = thread.record;
  if (mine == nullptr) return;
  thread.slabs.store(&g_no_slabs, std::memory_order_relaxed);
  thread.record = nullptr;
  for (unsigned c = 0; c < slab::k_classes; c++) mine->warmed_up[c] = thread.warmed_up[c];
  g_depot.give_record(mine);
}

}  // namespace arenite::cache
