#include "cache/slabs.hpp"

#include "cache/exchange.hpp"
#include "cache/mixed.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Fault;
using slab::Place;
using slab::Slab;

// A thread's first blocks of a class come from mixed pages, where they lie among others of all
// sizes: a thread that needs few of each costs no page for each. So many bytes, or requests.
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

}  // namespace

ARENITE_SELDOM bool is_among_first_without_class() {
  uint8_t& so_far = t_thread.taken_without_class;
  if (so_far >= k_warm_up_least) return false;
  so_far++;
  return true;
}

namespace {

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

// From whatever is true now: two threads may change it at once, and the later must not undo what
// the earlier has changed.
ARENITE_SELDOM void choose_direct() {
  for (;;) {
    const size_t below = g_served.below.load();
    const Watch watch = g_served.watch.load();
    const bool operators = g_served.operators.load();
    const size_t direct_below = watch == Watch::none ? below : 0;
    const size_t counted_below = watch == Watch::some ? below : 0;
    g_served.direct_below.store(direct_below);
    g_served.counted_below.store(counted_below);
    g_served.operator_direct_below.store(operators ? direct_below : 0);
    g_served.operator_counted_below.store(operators ? counted_below : 0);
    if (g_served.below.load() == below && g_served.watch.load() == watch &&
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

void watch(Watch watch) {
  if (watched() == watch) return;
  g_served.watch.store(watch);
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

// One more slab of a class is listed: the depot's, or a new one. False where there is none, or
// mixed pages are to serve first.
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

// The last block, whosever slab it is of; nullptr where there is none.
ARENITE_INLINE void* take(Magazine& magazine) {
  void* block;
  if (ARENITE_LIKELY(take_own(magazine, block))) return block;
  return magazine.foreign() == 0 ? nullptr : take_kept(magazine);
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
  if (ARENITE_UNLIKELY(g_depot.is_wanted(size_class, mine))) g_depot.receive_some(mine, size_class);
  for (;;) {
    mine->lock.lock();
    void* block = take(magazine);
    bool has_slots = true;
    if (block == nullptr) {
      if (ARENITE_UNLIKELY(mine->to_shed[size_class] != 0)) shed(mine, size_class);
      if (mine->first(size_class) != nullptr) {
        has_slots = magazine.grow_empty(size_class, mine->spare);
        take_from_slabs(mine, size_class, magazine.capacity() / 2, took_up);
        // What it has been filled with is its own.
        if (!take_own(magazine, block)) block = nullptr;
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

// Gives all blocks of a magazine back; or only if it was not used since this was last asked.
ARENITE_SELDOM_LARGER void flush(ThreadSlabs* mine, unsigned size_class, bool only_unused) {
  Flushed flushed;
  mine->lock.lock();
  if (!only_unused || mine->magazines[size_class].is_unused())
    put_back(mine, size_class, Magazine::k_most, flushed);
  mine->lock.unlock();
  if (flushed.complete_count + flushed.foreign_count != 0) settle_flushed(mine, flushed);
}

}  // namespace

// Slabs of ours of which no block is used any more become pages: what waits in the magazine is
// enough for the next requests.
[[gnu::noinline]] void settle_flushed(ThreadSlabs* mine, Flushed& flushed) {
  for (unsigned i = 0; i < flushed.foreign_count; i++) give_up_kept(flushed.foreign[i]);
  if (flushed.complete_count != 0)
    g_depot.reclaim_if_empty(flushed.complete, flushed.complete_count, mine);
  count_a_turn(mine);
}

ARENITE_APART void* take_kept(Magazine& magazine) {
  void* const block = magazine.pop_foreign();
  slab::hand_out_kept(slab::slab_of(block), block);
  leave(t_thread);
  return block;
}

void* take_of_class(unsigned size_class) {
  Thread& thread = t_thread;
  enter(thread);
  void* block = take(thread.slabs.load(std::memory_order_relaxed)->magazines[size_class]);
  leave(thread);
  return ARENITE_LIKELY(block != nullptr) ? block : take_and_refill(size_class);
}

[[gnu::noinline]] void give_to_full_magazine(Slab* slab, void* block) {
  // Somebody may have closed the record since, but he does not give it up while we are busy.
  ThreadSlabs* mine = t_thread.record;
  const unsigned size_class = slab->size_class;
  Magazine& magazine = mine->magazines[size_class];
  Flushed flushed;
  mine->lock.lock();
  leave(t_thread);
  if (ARENITE_UNLIKELY(!slab::set_unused(block))) refuse_free(slab, block);
  if (ARENITE_LIKELY(make_room(mine, size_class, true, flushed))) {
    *magazine.top++ = block;
  } else {
    put_back(mine, &block, 1, flushed);
  }
  mine->lock.unlock();
  settle_flushed(mine, flushed);
}

// Others have freed blocks of our slab, perhaps this one.
ARENITE_APART void give_after_others(Slab* slab, void* block) {
  Thread& thread = t_thread;
  // Not by `slabs`: somebody may have closed the record since.
  Magazine& magazine = thread.record->magazines[slab->size_class];
  void** const top = magazine.top;
  // The mark before the used bit: as in slab::is_free().
  if (ARENITE_UNLIKELY(slab::mark_at(slab, block).load(std::memory_order_acquire) != 0))
    refuse_free(slab, block);
  if (ARENITE_UNLIKELY(top == magazine.end)) return give_to_full_magazine(slab, block);
  if (ARENITE_UNLIKELY(!slab::set_unused(block))) refuse_free(slab, block);
  *top = block;
  magazine.top = top + 1;
  leave(thread);
}

ARENITE_LARGER size_t size_of_no_slabs(const void* block, Fault if_none) {
  const Slab* page = slab::slab_of(block);
  if (!slab::is_mixed(page)) slab::fault(if_none, page, block);
  return mixed_heap(page->heap).size_of(page, block, if_none);
}

ARENITE_COLD void refuse_free(const Slab* slab, void* block) {
  if (slab::is_mixed(slab)) slab::fault(slab::fault_of_mixed(slab, block), slab, block);
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
