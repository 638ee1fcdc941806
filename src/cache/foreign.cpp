// Frees of blocks of others' slabs: kept, or marked so that their owner finds them; and what was
// nobody's becomes the thread's own.
#include "cache/exchange.hpp"
#include "cache/mixed.hpp"
#include "cache/slabs.hpp"
#include "os/os.hpp"

namespace arenite::cache {
namespace {

using slab::Owner;
using slab::Place;
using slab::Slab;

// A slab that has just become ours goes into one of our lists, or is a page.
ARENITE_APART void list_mine(Slab* slab) {
  ThreadSlabs* mine = t_thread.record;
  slab->is_left.store(0, std::memory_order_relaxed);
  mine->lock.lock();
  const bool is_free = list_by_what_is_free(mine, slab);
  mine->lock.unlock();
  if (ARENITE_UNLIKELY(is_free)) g_depot.reclaim_if_empty(slab, mine);
}

// Whether this thread, which frees a block of a slab of the class, has use for the slab: it has few
// with free blocks, or has come to the place of the thread that had the slab: it frees what that
// took, and takes as much. Who frees more than it takes would keep from the others what they need.
ARENITE_INLINE bool has_use_for(const ThreadSlabs* mine, const Slab* slab, unsigned size_class) {
  constexpr uint32_t k_enough = 2;
  return mine->listed(size_class) < k_enough ||
         (!slab::is_zero(slab->is_left) && !mine->magazines[size_class].is_freeing());
}

// A slab that was nobody's a moment ago, and in which this thread has marked a block. A thread that
// has no use for it leaves it to the depot.
ARENITE_APART void claim_marked(Slab* slab, unsigned size_class) {
  if (!is_settled() || !has_use_for(t_thread.record, slab, size_class))
    return g_depot.claim_full(slab);
  if (claim_full(slab, t_thread.record)) list_mine(slab);
}

// This thread has marked a block in what was a full slab of another's, who is to find it. As others
// free what he has filled, he is to give up some more of the class.
ARENITE_APART void list_full_of(Owner* owner, Slab* slab, unsigned size_class) {
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

// Whether the blocks beside this one are free, and some others, as seen from outside: only then is
// it worth while to ask whether all are.
bool are_some_free(const Slab* slab, uint32_t number, unsigned size_class) {
  const slab::SizeClass& k = slab::info(size_class);
  const auto is_free_at = [&](uint32_t n) {
    const uint32_t granule = n * (k.size >> k.shift);
    return (slab::load(slab::word_of(slab, granule / 64)) >> (granule % 64) & 1) != 0 ||
           slab::mark_of(slab, n).load(std::memory_order_relaxed) != 0;
  };
  const uint32_t last = k.block_count - 1U;
  return is_free_at(number == 0 ? last : number - 1) &&
         is_free_at(number == last ? 0 : number + 1) && is_free_at(last / 2) &&
         is_free_at(last / 4) && is_free_at(last - last / 4);
}

// This thread has marked a block of a slab of the class. The slab may be another meanwhile.
ARENITE_APART void find_owner(Slab* slab, uint32_t number, unsigned size_class) {
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == nullptr) return claim_marked(slab, size_class);
  if (owner == &g_forsaken) return;
  const Place place = slab->place.load(std::memory_order_relaxed);
  if (place == Place::full && owner != &g_depot) return list_full_of(owner, slab, size_class);
  if (place == Place::listed && are_some_free(slab, number, size_class) &&
      slab::is_wholly_free(slab, size_class))
    g_depot.reclaim_if_empty(slab, owner);
}

// Whether this thread, which frees a block of a slab that has no thread, can make it its own.
bool can_take(Slab* slab, const Owner* owner) {
  if ((owner != nullptr && owner != &g_depot) || !is_settled()) return false;
  ThreadSlabs* mine = t_thread.record;
  if (!has_use_for(mine, slab, slab->size_class)) return false;
  return owner == nullptr ? claim_full(slab, mine) : g_depot.adopt(slab, owner, mine);
}

// Blocks that are smaller than a line of the cache are not kept: who writes one of them would
// hinder who has the next for as long as both come back to their threads.
constexpr unsigned k_first_kept = slab::k_class_table.class_of_16[slab::k_line / 16];

// A free that is not kept. What is nobody's, or the depot's, becomes ours where we have use for it.
[[gnu::noinline]] ARENITE_APART void give_to_another(Slab* slab, void* block) {
  Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == &g_forsaken) return;
  if (ARENITE_UNLIKELY(!slab::is_used(block))) refuse_free(slab, block);
  if (can_take(slab, owner)) {
    list_mine(slab);
    return give(block);
  }
  const uint32_t number = slab::number_of(slab, block);
  const unsigned size_class = slab->size_class;
  // From the next line on the block is free, and the slab may become another.
  if (ARENITE_UNLIKELY(!slab::mark(slab, number))) refuse_free(slab, block);
  find_owner(slab, number, size_class);
}

// Whether this thread is to keep a block of the slab, if its magazine has a slot: not where it has
// use for the slab, and can have it.
ARENITE_INLINE bool may_keep(const ThreadSlabs* mine, const Slab* slab) {
  const unsigned size_class = slab->size_class;
  if (size_class < k_first_kept) return false;
  const Owner* owner = slab->owner.load(std::memory_order_acquire);
  if (owner == nullptr || owner == &g_depot) return !has_use_for(mine, slab, size_class);
  return owner != &g_forsaken;
}

// The same of a block that is to be kept in a full magazine, between enter() and leave().
ARENITE_APART void keep_in_full_magazine(ThreadSlabs* mine, Slab* slab, void* block) {
  const unsigned size_class = slab->size_class;
  Magazine& magazine = mine->magazines[size_class];
  Flushed flushed;
  mine->lock.lock();
  leave(t_thread);
  if (ARENITE_UNLIKELY(!slab::keep(slab, block))) refuse_free(slab, block);
  if (make_room(mine, size_class, false, flushed)) {
    magazine.push_foreign(block);
  } else {
    flushed.add_foreign(block);
  }
  mine->lock.unlock();
  settle_flushed(mine, flushed);
}

// The rest of give_foreign().
[[gnu::noinline]] ARENITE_APART void give_foreign_slowly(Slab* slab, void* block) {
  Thread& thread = t_thread;
  ThreadSlabs* mine = thread.slabs.load(std::memory_order_relaxed);
  if (ARENITE_UNLIKELY(mine == &g_no_slabs)) {
    leave(thread);
    if (!thread.has_record()) return give_to_another(slab, block);
    reopen();
    return give(block);
  }
  if (may_keep(mine, slab)) {
    Magazine& magazine = mine->magazines[slab->size_class];
    if (magazine.top != magazine.end) {
      if (ARENITE_UNLIKELY(!slab::keep(slab, block))) refuse_free(slab, block);
      magazine.push_foreign(block);
      return leave(thread);
    }
    // Where it frees on and on the owner is to have it at once.
    if (!magazine.is_freeing()) return keep_in_full_magazine(mine, slab, block);
  }
  leave(thread);
  give_to_another(slab, block);
}

// Most have a slot, and it is known that others keep blocks of the slab: that needs no frame.
ARENITE_APART void give_anothers(Slab* slab, void* block) {
  Thread& thread = t_thread;
  ThreadSlabs* mine = thread.slabs.load(std::memory_order_relaxed);
  Magazine& magazine = mine->magazines[slab->size_class];
  void** const top = magazine.top;
  // Of a thread without slabs the end is nullptr.
  if (ARENITE_UNLIKELY(top >= magazine.end || slab::is_zero(slab->has_kept) ||
                       !may_keep(mine, slab)))
    return give_foreign_slowly(slab, block);
  if (ARENITE_UNLIKELY(!slab::keep_known(slab, block))) refuse_free(slab, block);
  magazine.push_foreign(block);
  leave(thread);
}

}  // namespace

// Between enter() and leave(). In a process with one thread it is a block of a mixed page.
[[gnu::noinline]] void give_foreign(Slab* slab, void* block) {
  if (!slab::is_mixed(slab)) return give_anothers(slab, block);
  leave(t_thread);
  give_mixed(slab, block);
}

ARENITE_APART void give_up_kept(void* block) {
  Slab* slab = slab::slab_of(block);
  const uint32_t number = slab::number_of(slab, block);
  const unsigned size_class = slab->size_class;
  slab::mark_and_tell(slab, number);
  find_owner(slab, number, size_class);
}

}  // namespace arenite::cache
