#include "cache/slabs.hpp"

#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Fault;
using slab::Owner;
using slab::Place;
using slab::Slab;

// More listed slabs of one class than a thread with company may keep to itself: others could use
// what is free in them, were it asleep.
constexpr uint32_t k_most_listed = 64;

// A thread's first blocks of a class come from the chunk engine, where they share pages with others
// of all sizes: a thread that needs few of each costs no page for each. So many bytes, or requests.
constexpr size_t k_warm_up_bytes = 4096;
constexpr size_t k_warm_up_most = 32;
constexpr size_t k_warm_up_least = 4;

bool is_warming_up(ThreadSlabs* mine, unsigned size_class) {
  size_t limit = k_warm_up_bytes / slab::info(size_class).size;
  if (limit > k_warm_up_most) limit = k_warm_up_most;
  if (limit < k_warm_up_least) limit = k_warm_up_least;
  uint8_t& so_far = mine->warmed_up[size_class];
  if (so_far >= limit) return false;
  so_far++;
  return true;
}

struct DirectRange {
  uint8_t first;
  uint8_t end;
};

// The entries of Thread::direct that are a class's.
consteval std::array<DirectRange, slab::k_classes> direct_ranges() {
  std::array<DirectRange, slab::k_classes> ranges{};
  size_t first = 0;
  for (unsigned c = 0; c < slab::k_classes && first <= k_direct_limit / 16; c++) {
    const size_t last = slab::info(c).size / 16;
    const size_t end = last < k_direct_limit / 16 ? last + 1 : k_direct_limit / 16 + 1;
    ranges[c] = {static_cast<uint8_t>(first), static_cast<uint8_t>(end)};
    first = last + 1;
  }
  return ranges;
}
constexpr std::array<DirectRange, slab::k_classes> k_direct_ranges = direct_ranges();

ARENITE_INLINE void make_current(unsigned size_class, Slab* slab) {
  Thread& thread = t_thread;
  thread.slabs->current[size_class] = slab;
  if (slab != &slab::g_no_slab) slab->place.store(Place::current, std::memory_order_relaxed);
  const DirectRange range = k_direct_ranges[size_class];
  for (size_t i = range.first; i < range.end; i++) thread.direct[i] = slab;
}

ARENITE_SELDOM_LARGER void take_up_holes(Slab* slab) {
  g_depot.take_up_holes(slab);
  ledger::settle();
}
// A slab of ours that was listed will be allocated from: what has gone inside it comes back. No
// lock is held.
ARENITE_INLINE void take_up(Slab* slab) {
  if (ARENITE_UNLIKELY(slab::links_of(slab).purged.load(std::memory_order_relaxed) != 0))
    take_up_holes(slab);
}

// Every so often what happens to slabs is reason enough to look what has to go, though no page has
// come free: not in a program that has little, which runs no cold code. A thread's slabs that have
// not been heard of so are a MiB at most. No lock is held.
constexpr uint8_t k_turns_unheard = k_mib / slab::k_slab_size;

ARENITE_SELDOM void look_after_turns(ThreadSlabs* mine) {
  mine->turns = 0;
  if (ledger::g_ledger.live() > 4 * ledger::g_ledger.bound()) ledger::ask_purger();
}
ARENITE_INLINE void count_a_turn(ThreadSlabs* mine) {
  if (ARENITE_UNLIKELY(++mine->turns == k_turns_unheard)) look_after_turns(mine);
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

// Gives up a slab of ours without a free block (T2). False, and it is ours again and has free
// blocks, if others have freed some meanwhile. Once it is nobody's it may become a page and then a
// slab of another class before we look again.
ARENITE_APART bool give_up_full(Slab* slab) {
  for (;;) {
    slab::retire_active(slab);
    slab->place.store(Place::full, std::memory_order_relaxed);
    slab->owner.exchange(nullptr, std::memory_order_seq_cst);
    if (slab->remote_summary.load(std::memory_order_seq_cst) == 0 ||
        !claim_full(slab, t_thread.slabs))
      return true;
    slab::collect(slab);
    if (slab::has_free(slab)) return false;
  }
}

// A slab of ours with free blocks goes into our list, or to the depot where that is long.
void list_mine(Slab* slab) {
  ThreadSlabs* mine = t_thread.slabs;
  if (os::single_threaded()) return mine->list(slab);
  if (mine->listed(slab->size_class) >= k_most_listed) {
    slab->place.store(Place::moving, std::memory_order_relaxed);
    if (g_depot.hand_over(slab)) return;
  }
  mine->lock.lock();
  mine->list(slab);
  mine->lock.unlock();
  // Who freed its last block before did not find it listed, and left it to us.
  os::barrier_after_unlock();
  if (slab->remote_summary.load(std::memory_order_relaxed) != 0)
    g_depot.reclaim_if_empty(slab, mine);
}

// Lists a slab of ours, whose blocks may all be free.
void list_or_free(Slab* slab) {
  const unsigned size_class = slab->size_class;
  list_mine(slab);
  if (slab::is_wholly_free(slab, size_class)) g_depot.reclaim_if_empty(slab, t_thread.slabs);
}

// Makes a nobody's slab ours that others have freed into (T3), if nobody was quicker.
ARENITE_APART void claim_mine(Slab* slab) {
  if (!claim_full(slab, t_thread.slabs)) return;
  slab::collect(slab);
  if (slab::has_free(slab) || !give_up_full(slab)) list_or_free(slab);
}

// Our current slab of a class, if we have one, becomes a listed one, a page, or nobody's.
ARENITE_SELDOM void put_down_current(unsigned size_class) {
  Slab* slab = t_thread.slabs->current[size_class];
  if (slab == &slab::g_no_slab) return;
  make_current(size_class, &slab::g_no_slab);
  slab::retire_active(slab);
  slab::collect(slab);
  if (slab::has_free(slab) || !give_up_full(slab)) list_or_free(slab);
}

// A thread keeps the slab that it allocates from when all of it is free: the next request of the
// class is served by it. But each page that it has made or given up since counts, and after so
// many it looks whether it still uses them all: what is wholly free and was when it last looked
// becomes a page. A thread that goes to sleep may keep one slab for each class at worst, half a
// MiB if it has touched all of all 31; one that goes on does not keep them. The slab of class
// `but`, which may be ours no more, is left out.
constexpr uint8_t k_look_after = 8;

ARENITE_SELDOM void look_at_currents(ThreadSlabs* mine, unsigned but) {
  for (unsigned c = 0; c < slab::k_classes; c++) {
    Slab* slab = mine->current[c];
    const uint64_t bit = uint64_t{1} << c;
    if (c == but || slab == &slab::g_no_slab || !slab::is_unused(slab)) {
      mine->unused &= ~bit;
    } else if ((mine->unused & bit) == 0) {
      mine->unused |= bit;
    } else {
      mine->unused &= ~bit;
      put_down_current(c);
    }
  }
}

void count_a_page(ThreadSlabs* mine, unsigned but) {
  if (++mine->pages_since_look < k_look_after) return;
  mine->pages_since_look = 0;
  look_at_currents(mine, but);
}

// Whether a slab of ours that was just collected has free blocks. If not it is given up.
bool is_usable(Slab* slab, unsigned size_class) {
  if (ARENITE_LIKELY(slab::has_free(slab))) {
    take_up(slab);
    return true;
  }
  // No page of it has gone: none of its blocks was free.
  if (give_up_full(slab)) return false;
  if (slab->size_class == size_class) return true;
  list_mine(slab);
  return false;
}

// Exchanges an exhausted slab, which is given up (T2), for the first of our list (T4); nullptr
// where that is empty. The first has free blocks, of ours or not yet collected. One lock serves
// both.
Slab* exchange_exhausted(ThreadSlabs* mine, unsigned size_class, Slab* exhausted) {
  __atomic_store_n(&exhausted->active, Slab::k_no_word, __ATOMIC_RELAXED);
  exhausted->place.store(Place::full, std::memory_order_relaxed);
  if (os::single_threaded()) {
    exhausted->owner.store(nullptr, std::memory_order_relaxed);
    return mine->take_first(size_class);
  }
  mine->lock.lock();
  exhausted->owner.store(nullptr, std::memory_order_seq_cst);
  Slab* found = mine->take_first(size_class);
  mine->lock.unlock();
  os::barrier_after_unlock();
  if (exhausted->remote_summary.load(std::memory_order_seq_cst) != 0) claim_mine(exhausted);
  return found;
}

Slab* take_listed(ThreadSlabs* mine, unsigned size_class) {
  if (mine->listed(size_class) == 0) return nullptr;
  mine->lock.lock();
  Slab* found = mine->take_first(size_class);
  mine->lock.unlock();
  return found;
}

// A slab with free blocks that is not current yet, instead of an exhausted one or g_no_slab: ours,
// the depot's or a new one.
Slab* next_slab(unsigned size_class, Slab* exhausted) {
  ThreadSlabs* mine = t_thread.slabs;
  Slab* found = exhausted == &slab::g_no_slab ? take_listed(mine, size_class)
                                              : exchange_exhausted(mine, size_class, exhausted);
  for (; found != nullptr; found = take_listed(mine, size_class)) {
    slab::collect(found);
    if (is_usable(found, size_class)) return found;
  }
  while (Slab* slab = g_depot.adopt(size_class, mine)) {
    if (is_usable(slab, size_class)) return slab;
  }
  if (is_warming_up(mine, size_class)) return nullptr;
  count_a_page(mine, size_class);
  return g_depot.make_slab(size_class, mine, exhausted != &slab::g_no_slab);
}

ARENITE_INLINE void* pop(Slab* slab) {
  uint64_t word = slab::load(slab->active_word);
  if (word == 0) word = slab::claim(slab);
  return slab->pop(word);
}

// A full slab that was nobody's a moment ago, and into which others or this thread have freed. A
// thread that can have none leaves it to the depot.
void claim_with_remote(Slab* slab) {
  if (is_settled()) return claim_mine(slab);
  g_depot.claim_full(slab);
}

uint32_t granule_of(const Slab* slab, const void* block) {
  return slab->granule(static_cast<uint32_t>(address_of(block) % slab::k_slab_size));
}

// A free by a thread that is not the owner.
void give_remote(Slab* slab, void* block) {
  const uint32_t granule = granule_of(slab, block);
  const unsigned wi = granule / 64;
  const uint64_t bit = uint64_t{1} << (granule % 64);
  if (ARENITE_UNLIKELY(slab::is_free_with_owner(slab, granule))) refuse_free(slab, block);
  // From the next line on the block is free, and the slab may become another.
  const unsigned size_class = slab->size_class;
  const uint64_t all = slab::starts_in(size_class, wi);
  std::atomic<uint64_t>& word = slab::remote_word(slab, wi);
  if (ARENITE_UNLIKELY((word.fetch_or(bit, std::memory_order_seq_cst) & bit) != 0))
    refuse_free(slab, block);
  if ((slab->remote_summary.load(std::memory_order_seq_cst) >> wi & 1) == 0)
    slab->remote_summary.fetch_or(uint64_t{1} << wi, std::memory_order_seq_cst);
  Owner* owner = slab->owner.load(std::memory_order_seq_cst);
  if (owner == nullptr) return claim_with_remote(slab);
  if ((slab::load(slab->words[wi]) | word.load(std::memory_order_relaxed)) != all) return;
  if (slab->place.load(std::memory_order_relaxed) == Place::listed && owner != &g_forsaken &&
      slab::is_wholly_free(slab, size_class))
    g_depot.reclaim_if_empty(slab, owner);
}

// Whether this thread, which frees a block of a slab that is not its own, can make it its own: it
// is nobody's, or the depot's, and this thread has none listed. Else others could not have what
// threads leave, and would make slabs of their own.
bool can_take(Slab* slab, const Owner* owner) {
  if (!is_settled()) return false;
  ThreadSlabs* mine = t_thread.slabs;
  if (owner == nullptr) return claim_full(slab, mine);
  return mine->listed(slab->size_class) == 0 && g_depot.adopt(slab, owner, mine);
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
    const size_t direct = below <= k_direct_limit ? below : k_direct_limit + 1;
    g_served.direct_below.store(watched ? 0 : direct);
    g_served.operator_direct_below.store(detour ? 0 : direct);
    g_served.operators_detour.store(detour);
    g_served.watched_below.store(watched ? direct : 0);
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
  if (thread.departing || !serve_anybody()) return false;
  ThreadSlabs* record = g_depot.take_record();
  if (record == nullptr) return false;
  thread.slabs = record;
  // Afterwards: this may allocate, and is then served from what has just been settled.
  if (thread.arena == nullptr) mark_thread();
  return true;
}

namespace {

[[gnu::noinline]] void* take_from_another(unsigned size_class) {
  Slab* slab = t_thread.slabs->current[size_class];
  if (slab != &slab::g_no_slab) {
    if (ARENITE_LIKELY(slab::has_free(slab))) return pop(slab);
    slab::collect(slab);
    if (slab::has_free(slab)) return pop(slab);
  }
  // Settling may allocate, from this class too.
  if (!t_thread.has_slabs()) return settle() ? take_from_another(size_class) : nullptr;
  count_a_turn(t_thread.slabs);
  Slab* next = next_slab(size_class, slab);
  if (ARENITE_LIKELY(next != nullptr)) {
    make_current(size_class, next);
    return pop(next);
  }
  if (slab != &slab::g_no_slab) make_current(size_class, &slab::g_no_slab);
  return nullptr;
}

}  // namespace

// T2 and T4 of a thread that is alone: the exhausted slab is given up for the first of the list.
void* take_of_class(unsigned size_class) {
  // With company others change the list: it is looked at with the lock only.
  if (!os::single_threaded()) return take_from_another(size_class);
  ThreadSlabs* mine = t_thread.slabs;
  count_a_turn(mine);
  Slab* slab = mine->current[size_class];
  Slab* next = mine->first(size_class);
  if (next == nullptr || next->summary == 0 || slab == &slab::g_no_slab || slab::has_free(slab) ||
      !slab::is_zero(slab->remote_summary))
    return take_from_another(size_class);
  slab->active = Slab::k_no_word;
  slab->place.store(Place::full, std::memory_order_relaxed);
  slab->owner.store(nullptr, std::memory_order_relaxed);
  mine->unlist(next);
  make_current(size_class, next);
  take_up(next);
  return next->pop(slab::claim(next));
}

namespace {

ARENITE_APART void give_to_another(Slab* slab, void* block) {
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == &g_forsaken) return;
  if (!can_take(slab, owner)) return give_remote(slab, block);
  slab::collect(slab);
  const uint32_t granule = granule_of(slab, block);
  uint64_t word = slab::load(slab->words[granule / 64]);
  if (ARENITE_UNLIKELY(slab::test_and_set(word, granule))) refuse_free(slab, block);
  const bool is_complete = slab::is_complete(slab, granule / 64, word);
  slab::put(slab, granule / 64, word);
  list_mine(slab);
  if (is_complete) completed(slab, granule / 64);
}

}  // namespace

// T3 of a thread that is alone: the first free into a full slab.
void give_foreign(Slab* slab, void* block) {
  ThreadSlabs* mine = t_thread.slabs;
  if (!os::single_threaded() || slab->owner.load(std::memory_order_relaxed) != nullptr ||
      mine == &g_no_slabs || !slab::is_zero(slab->remote_summary))
    return give_to_another(slab, block);
  const uint32_t granule = granule_of(slab, block);
  uint64_t word = slab::load(slab->words[granule / 64]);
  if (ARENITE_UNLIKELY(slab::test_and_set(word, granule))) return refuse_free(slab, block);
  slab->owner.store(mine, std::memory_order_relaxed);
  slab::put(slab, granule / 64, word);
  mine->list(slab);
  if (slab::is_complete(slab, granule / 64, word)) completed(slab, granule / 64);
}

ARENITE_SELDOM_APART void give_after_others(Slab* slab, void* block) {
  slab::collect(slab);
  const uint32_t granule = granule_of(slab, block);
  uint64_t& home = granule / 64 == slab->active ? slab->active_word : slab->words[granule / 64];
  uint64_t word = slab::load(home);
  if (ARENITE_UNLIKELY(slab::test_and_set(word, granule))) refuse_free(slab, block);
  if (&home == &slab->active_word) return slab::store(home, word);
  const bool is_complete = slab::is_complete(slab, granule / 64, word);
  slab::put(slab, granule / 64, word);
  if (is_complete || !slab::is_zero(slab->remote_summary)) completed(slab, granule / 64);
}

// A word of a slab of ours has no used block any more, perhaps the slab has not. From here on it
// may be another's.
void completed(Slab* slab, unsigned word_index) {
  if (slab->place.load(std::memory_order_relaxed) != Place::listed) return;
  count_a_turn(t_thread.slabs);
  const unsigned size_class = __atomic_load_n(&slab->size_class, __ATOMIC_RELAXED);
  // Blocks freed in order leave a used one next to the last: ask there before asking everywhere.
  for (const unsigned i : {word_index - 1, word_index + 1}) {
    if (i >= slab::info(size_class).word_count) continue;
    const uint64_t word = slab::load(slab->words[i]) | slab::remote_word(slab, i).load();
    if (word != slab::starts_in(size_class, i)) return;
  }
  if (!slab::is_wholly_free(slab, size_class)) return;
  g_depot.reclaim_if_empty(slab, t_thread.slabs);
  count_a_page(t_thread.slabs, slab::k_classes);
}

ARENITE_COLD void refuse_free(const Slab* slab, void* block) {
  const auto offset = static_cast<uint32_t>(address_of(block) % slab::k_slab_size);
  slab::fault(slab->is_start(offset) ? Fault::double_free : Fault::invalid_pointer, slab, block);
}

ARENITE_SELDOM_APART void leave_slabs() {
  Thread& thread = t_thread;
  if (!thread.has_slabs()) return;
  ThreadSlabs* mine = thread.slabs;
  for (unsigned c = 0; c < slab::k_classes; c++) put_down_current(c);
  mine->unused = 0;
  thread.slabs = &g_no_slabs;
  g_depot.give_record(mine);
}

}  // namespace arenite::cache
