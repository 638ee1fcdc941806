#include "engine/retention.hpp"

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"
#include "engine/background.hpp"
#include "engine/pressure.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

using ledger::g_ledger;
using ledger::Keeper;

// Changed by the thread that is settling; the others look at the atomics only. Times are those of
// the clock modulo a word.
struct Retention {
  std::atomic<bool> is_settling{false};
  std::atomic<bool> is_due{false};  // somebody came meanwhile
  std::atomic<bool> is_forfeited{false};
  std::atomic<size_t> usable_credit{0};
  std::atomic<size_t> next_change{0};    // before this time alone changes nothing
  std::atomic<bool> awaits_look{false};  // into slabs, as soon as its time has come
  uint64_t next_look = 0;
  size_t most_since_look = 0;     // in use
  unsigned watched_requests = 0;  // that may still be watched for that alone
  bool counts_requests = false;   // they are, in g_watched_requests
  policy::Purging purging;
};
constinit Retention g_retention;

// A program that does little must be watched, or it would not notice that a look is due. One that
// does much comes to settle() often enough, and pays for so many watched requests at most: in all
// between two looks, and then each time that it has come.
constexpr unsigned k_watched_requests = 4096;
constexpr unsigned k_watched_requests_more = 64;

bool is_before(size_t time, size_t other) {
  return static_cast<ptrdiff_t>(time - other) < 0;
}

// Not os::Lock: nobody waits, and a purge must not settle again where the process has one thread.
bool try_enter() {
  std::atomic<bool>& is_settling = g_retention.is_settling;
  if (!os::single_threaded()) return !is_settling.exchange(true, std::memory_order_seq_cst);
  if (is_settling.load(std::memory_order_relaxed)) return false;
  is_settling.store(true, std::memory_order_relaxed);
  return true;
}

void leave() {
  g_retention.is_settling.store(false, std::memory_order_seq_cst);
}

// Purges about `bytes` bytes of what a keeper has; how many it was.
size_t purge(Keeper keeper, size_t bytes) {
  switch (keeper) {
    case Keeper::slabs:
      return cache::g_depot.purge(bytes);
    case Keeper::chunks:
      return chunk::purge_arenas(bytes);
    case Keeper::mappings:
      return chunk::g_warm_mappings.purge(bytes);
  }
  return 0;
}

// The same of all keepers. Whoever has most gives first, and each is asked once.
size_t purge(size_t bytes) {
  size_t gone = 0;
  bool asked[ledger::k_keepers] = {};
  for (unsigned round = 0; round < ledger::k_keepers && gone < bytes; round++) {
    unsigned most = ledger::k_keepers;
    size_t most_bytes = 0;
    for (unsigned k = 0; k < ledger::k_keepers; k++) {
      const size_t kept = g_ledger.retained(static_cast<Keeper>(k));
      if (asked[k] || kept <= most_bytes) continue;
      most = k;
      most_bytes = kept;
    }
    if (most == ledger::k_keepers) break;
    asked[most] = true;
    gone += purge(static_cast<Keeper>(most), bytes - gone);
  }
  return gone;
}

void purge_planned(size_t planned) {
  const size_t gone = purge(planned);
  g_retention.purging.purged(planned, gone);
#ifndef NDEBUG
  // The promise. While other threads are at it, or where a keeper could not give, nobody knows.
  const size_t allowed =
      g_ledger.bound() + g_retention.purging.usable_credit() + policy::Purging::k_scraps;
  if (os::single_threaded() && gone >= planned && g_ledger.retained() > allowed) {
    static constexpr char k_words[] = "arenite: more free memory is kept than was promised\n";
    os::die(k_words, sizeof(k_words) - 1);
  }
#endif
}

// Never 0. Not the address of its state: the next thread's may be where the last one's was.
uint32_t number_of_this_thread() {
  static constinit std::atomic<uint32_t> last{0};
  uint32_t& number = cache::t_thread.number;
  if (number == 0) number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

// What is free inside slabs nobody tells: once a second it is looked for. And where what is in use
// has become less by as much as may be kept, for a program may fall silent after a teardown.
bool is_look_due(uint64_t now) {
  const size_t live = g_ledger.live();
  size_t& most = g_retention.most_since_look;
  if (live > most) most = live;
  return now >= g_retention.next_look || live + g_ledger.bound() < most;
}

bool look_into_slabs(uint64_t now) {
  g_retention.next_look = now + policy::Holes::k_between_looks;
  g_retention.most_since_look = 0;
  g_retention.watched_requests = k_watched_requests;
  const size_t bound = g_ledger.bound();
  const size_t retained = g_ledger.retained();
  return cache::g_depot.look_for_holes(bound > retained ? bound - retained : 0);
}

// Whether requests are to be watched so that the next look comes.
bool await_look(uint64_t now) {
  unsigned& left = g_retention.watched_requests;
  if (g_retention.counts_requests) left = g_watched_requests.load(std::memory_order_relaxed);
  if (left == 0 && !cache::is_watched()) left = k_watched_requests_more;
  // Whoever does anything may have freed blocks in slabs. Little programs need not be watched.
  const bool awaits =
      is_look_due(now) ? look_into_slabs(now) : g_ledger.live() > 4 * g_ledger.bound();
  g_retention.awaits_look.store(awaits, std::memory_order_relaxed);
  return awaits && left != 0;
}

void settle_now() {
  const uint64_t now = os::coarse_milliseconds();
  std::atomic<size_t>& busy_since = cache::g_depot.busy_since;
  if (ARENITE_UNLIKELY(busy_since.load(std::memory_order_relaxed) == 0))
    busy_since.store(static_cast<size_t>(now), std::memory_order_relaxed);
  policy::Purging& purging = g_retention.purging;
  const bool watches_for_look = await_look(now);
  if (g_retention.is_forfeited.load(std::memory_order_relaxed)) {
    g_retention.is_forfeited.store(false, std::memory_order_relaxed);
    purging.forfeit();
  }
  g_pressure_watch.heed(g_ledger, now);
  // All but killed: what was earned in better times has to go, too.
  if (g_ledger.tightness() == policy::Tightness::tightest) purging.forfeit();
  const size_t planned = purging.plan({.now = now,
                                       .thread = number_of_this_thread(),
                                       .live = g_ledger.live(),
                                       .peak_live = g_ledger.take_peak_live(),
                                       .retained = g_ledger.retained(),
                                       .bound = g_ledger.bound(),
                                       .grown = g_ledger.grown(),
                                       .unfit = g_ledger.unfit(),
                                       .reused = g_ledger.reused()});
  if (ARENITE_UNLIKELY(planned != 0)) purge_planned(planned);
  g_retention.usable_credit.store(purging.usable_credit(), std::memory_order_relaxed);
  g_ledger.set_credit(purging.credit(), purging.ceiling());
  const bool is_over = g_ledger.is_over() && !purging.is_pausing(now);
  tell_background(planned != 0, is_over || g_retention.awaits_look.load(std::memory_order_relaxed));
  // A request that is to start the thread must not find that it is too early.
  const bool wanted = is_background_wanted();
  uint64_t next_change = purging.next_change();
  if (watches_for_look && g_retention.next_look < next_change) next_change = g_retention.next_look;
  g_retention.next_change.store(static_cast<size_t>(wanted ? now : next_change),
                                std::memory_order_relaxed);
  if (wanted) g_looked_at.store(0, std::memory_order_relaxed);
  g_ledger.set_known_over(is_over);
  g_retention.counts_requests = watches_for_look && !is_over && !wanted;
  g_watched_requests.store(g_retention.counts_requests ? g_retention.watched_requests : 0,
                           std::memory_order_relaxed);
  cache::watch(is_over || wanted || watches_for_look);
}

}  // namespace

// Who finds another at it says so and looks once more, and who leaves looks whether somebody said
// so: both orders are sequentially consistent, so that one of the two sees the other, and no event
// waits for the next. A purge that settles within a settling ends here.
void settle() {
  for (;;) {
    if (try_enter()) {
      g_retention.is_due.store(false, std::memory_order_relaxed);
      settle_now();
      leave();
      if (ARENITE_LIKELY(!g_retention.is_due.load(std::memory_order_seq_cst))) return;
    } else {
      g_retention.is_due.store(true, std::memory_order_seq_cst);
      if (g_retention.is_settling.load(std::memory_order_seq_cst)) return;
    }
  }
}

bool is_more_due() {
  return g_retention.awaits_look.load(std::memory_order_relaxed) || g_ledger.is_over();
}

void look_again() {
  // What fades within the second, an event will find.
  g_looked_at.store(os::wall_second(), std::memory_order_relaxed);
  const auto now = static_cast<size_t>(os::coarse_milliseconds());
  const bool changed = !is_before(now, g_retention.next_change.load(std::memory_order_relaxed));
  if (!changed && g_ledger.is_over()) return;
  start_background();
  settle();
}

ARENITE_COLD void forfeit_credit() {
  g_retention.is_forfeited.store(true, std::memory_order_relaxed);
  ledger::ask_purger();
}

ARENITE_COLD void restart_retention_in_child() {
  g_retention.purging.forfeit();
  leave();
  restart_background_in_child();
  if (!is_background_wanted()) return;
  g_looked_at.store(0, std::memory_order_relaxed);
  g_retention.next_change.store(static_cast<size_t>(os::coarse_milliseconds()),
                                std::memory_order_relaxed);
  cache::watch(true);
}

ARENITE_COLD size_t usable_credit() {
  if (ledger::g_purger.load(std::memory_order_relaxed) != nullptr) settle();
  return g_retention.usable_credit.load(std::memory_order_relaxed);
}

}  // namespace arenite::engine
