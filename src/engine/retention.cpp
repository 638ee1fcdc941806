#include "engine/retention.hpp"

#include "cache/cache.hpp"
#include "chunk/chunk_engine.hpp"
#include "engine/background.hpp"
#include "engine/beyond_slabs.hpp"
#include "engine/pressure.hpp"
#include "os/os.hpp"

namespace arenite::engine {
namespace {

using ledger::g_ledger;
using ledger::Keeper;
using Pace = policy::Rounds::Pace;

// Changed by the thread that is settling; the others look at the atomics only. Times are those of
// the clock modulo a word.
struct Retention {
  std::atomic<bool> is_settling{false};
  std::atomic<bool> is_due{false};     // somebody came meanwhile
  std::atomic<bool> is_resting{true};  // the rounds are
  std::atomic<size_t> usable_credit{0};
  std::atomic<size_t> next_change{0};  // before this time alone changes nothing
  std::atomic<size_t> last_seen{0};    // when somebody last came
  std::atomic<size_t> seen{0};         // requests and events since the last pause, about
  size_t retained = 0;                 // when somebody last settled
  uint64_t next_tending = 0;           // when somebody is to look after magazines again
  bool is_tending = false;             // there may be sleepers
  policy::Purging purging;
  policy::Rounds rounds;
};
constinit Retention g_retention;

// Where requests are watched and none came for so long, that was a pause; where there were fewer
// than so many since the last, they are few.
constexpr size_t k_pause_ms = 200;
constexpr size_t k_few = 64;
constexpr uint64_t k_tend_every_ms = 100;
constexpr uint64_t k_tend_rest_ms = 1000;
// Where they come slower than this, each reads the clock; else each of so many.
constexpr size_t k_slow_ms = 20;
constexpr uint8_t k_requests_a_clock = 64;
constexpr uint8_t k_requests_a_look = 8;
// After an event so many look, each of them: the traffic may be over.
constexpr uint8_t k_requests_after_event = 16;

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
    case Keeper::spans:
      return g_spans.purge(bytes);
    case Keeper::mappings:
      return large::purge(bytes);
    case Keeper::chunks:
      return chunk::purge_arenas(bytes);
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

// So much of it, now: what has come free since somebody last settled, and a lot. Whether the rest
// has to wait for the next.
bool purge_planned(size_t planned, bool all) {
  const size_t retained = g_ledger.retained();
  const size_t freed = retained > g_retention.retained ? retained - g_retention.retained : 0;
  const size_t most = freed + policy::Purging::k_largest_lot;
  const bool is_rest_left = !all && planned > most;
  const size_t wanted = is_rest_left ? most : planned;
  const size_t gone = purge(wanted);
  g_retention.purging.purged(wanted, gone);
#ifndef NDEBUG
  // The promise. While other threads are at it, or where a keeper could not give, nobody knows.
  const size_t allowed =
      g_ledger.bound() + g_retention.purging.usable_credit() + policy::Purging::k_scraps;
  if (!is_rest_left && os::single_threaded() && gone >= planned && g_ledger.retained() > allowed) {
    os::die("arenite: more free memory is kept than was promised");
  }
#endif
  return is_rest_left;
}

// Never 0. Not the address of its state: the next thread's may be where the last one's was.
uint32_t number_of_this_thread() {
  static constinit std::atomic<uint32_t> last{0};
  uint32_t& number = cache::t_thread.number;
  if (number == 0) number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

// What waits in magazines and is not used goes back to the slabs: this thread's at once, others'
// when they are asleep. While some may be, somebody is to look again soon.
void tend_magazines(uint64_t now) {
  using Tended = cache::Depot::Tended;
  cache::empty_unused_magazines();
  Tended tended = Tended::over;
  if (!os::single_threaded())
    tended = cache::g_depot.tend_records(now, cache::Depot::k_asleep_after, cache::t_thread.record);
  g_retention.is_tending = tended != Tended::over;
  g_retention.next_tending = now + (tended == Tended::under_way ? 0
                                    : tended == Tended::again   ? k_tend_every_ms
                                                                : k_tend_rest_ms);
}

// The next step through the slabs, if one is due. Whether the round is over.
bool look_into_slabs(uint64_t now, bool is_event, Pace pace) {
  const size_t bound = g_ledger.bound();
  const size_t work = g_retention.rounds.plan(
      {.now = now, .live = g_ledger.live(), .bound = bound, .is_event = is_event, .pace = pace});
  if (work == 0) return false;
  const size_t retained = g_ledger.retained();
  using Look = cache::Depot::Look;
  const Look look = cache::g_depot.look_for_holes(bound > retained ? bound - retained : 0, work);
  if (look == Look::under_way) return false;
  g_retention.rounds.end(look == Look::again);
  return true;
}

void settle_now(uint64_t now, bool is_event, Pace pace) {
  std::atomic<size_t>& busy_since = cache::g_depot.busy_since;
  if (ARENITE_UNLIKELY(busy_since.load(std::memory_order_relaxed) == 0))
    busy_since.store(static_cast<size_t>(now), std::memory_order_relaxed);
  policy::Purging& purging = g_retention.purging;
  const policy::Rounds& rounds = g_retention.rounds;
  if (now >= g_retention.next_tending) tend_magazines(now);
  // Where requests are few, another round may be due by then.
  while (look_into_slabs(now, is_event, pace) && pace == Pace::seldom) {
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
  bool is_rest_left = false;
  if (ARENITE_UNLIKELY(planned != 0)) is_rest_left = purge_planned(planned, pace != Pace::steady);
  g_retention.retained = g_ledger.retained();
  g_retention.usable_credit.store(purging.usable_credit(), std::memory_order_relaxed);
  g_ledger.set_credit(purging.credit(), purging.ceiling());
  const bool is_over = g_ledger.is_over() && !purging.is_pausing(now);
  const bool is_resting = rounds.is_resting();
  g_retention.is_resting.store(is_resting, std::memory_order_relaxed);
  const bool is_tending = g_retention.is_tending;
  tell_background(planned != 0, is_over || !is_resting || is_tending);
  // A request that is to start the thread must not find that it is too early.
  const bool wanted = is_background_wanted();
  uint64_t next_change = purging.next_change();
  if (!is_resting && rounds.next_change() < next_change) next_change = rounds.next_change();
  if (is_tending && g_retention.next_tending < next_change) next_change = g_retention.next_tending;
  if (wanted || is_rest_left || next_change < now) next_change = now;
  g_retention.next_change.store(static_cast<size_t>(next_change), std::memory_order_relaxed);
  if (wanted) g_looked_at.store(0, std::memory_order_relaxed);
  g_ledger.set_known_over(is_over);
  using cache::Watch;
  cache::watch(is_over                               ? Watch::each
               : wanted || !is_resting || is_tending ? Watch::some
                                                     : Watch::none);
}

struct Seen {
  uint64_t now;
  size_t pause;
  Pace pace;
};

// Somebody has come, and so many requests with him. How long nobody did is known only where
// requests are watched.
Seen note_seen(size_t requests) {
  const uint64_t now = os::coarse_milliseconds();
  const size_t last = g_retention.last_seen.load(std::memory_order_relaxed);
  const size_t pause = cache::is_watched() ? static_cast<size_t>(now) - last : 0;
  if (last != static_cast<size_t>(now))
    g_retention.last_seen.store(static_cast<size_t>(now), std::memory_order_relaxed);
  const size_t seen = g_retention.seen.load(std::memory_order_relaxed);
  if (pause < k_pause_ms) {
    g_retention.seen.store(seen + requests, std::memory_order_relaxed);
    return {now, pause, Pace::steady};
  }
  g_retention.seen.store(0, std::memory_order_relaxed);
  return {now, pause, seen < k_few ? Pace::seldom : Pace::after_pause};
}

// Who finds another at it says so and looks once more, and who leaves looks whether somebody said
// so: both orders are sequentially consistent, so that one of the two sees the other, and no event
// waits for the next. A purge that settles within a settling ends here.
void settle(uint64_t now, bool is_event, Pace pace) {
  for (;; is_event = true) {
    if (try_enter()) {
      g_retention.is_due.store(false, std::memory_order_relaxed);
      settle_now(now, is_event, pace);
      leave();
      if (ARENITE_LIKELY(!g_retention.is_due.load(std::memory_order_seq_cst))) return;
    } else {
      g_retention.is_due.store(true, std::memory_order_seq_cst);
      if (g_retention.is_settling.load(std::memory_order_seq_cst)) return;
    }
  }
}

// After how many requests this thread looks next, where they come fast and no credit is in use.
uint8_t requests_a_look(cache::Thread& thread) {
  if (thread.requests_each == 0) return k_requests_a_look;
  thread.requests_each--;
  return 1;
}

}  // namespace

void settle() {
  const Seen seen = note_seen(1);
  settle(seen.now, true, seen.pace);
  cache::Thread& thread = cache::t_thread;
  thread.requests_to_go = thread.looks_to_go = 1;
  thread.requests_each = k_requests_after_event;
}

bool is_more_due() {
  return !g_retention.is_resting.load(std::memory_order_relaxed) || g_ledger.is_over();
}

void look_again() {
  g_looked_at.store(os::wall_second(), std::memory_order_relaxed);
  cache::Thread& thread = cache::t_thread;
  const Seen seen = note_seen(thread.requests_a_clock);
  const auto is_changed = [&] {
    return !is_before(static_cast<size_t>(seen.now),
                      g_retention.next_change.load(std::memory_order_relaxed));
  };
  if (is_changed()) {
    start_background();
    settle(seen.now, false, seen.pace);
  }
  const bool reads_each = seen.pause >= k_slow_ms || is_changed();
  thread.requests_to_go = reads_each                 ? 1
                          : g_ledger.is_known_over() ? k_requests_a_clock
                                                     : requests_a_look(thread);
  thread.requests_a_clock = reads_each ? 1 : k_requests_a_clock;
  thread.looks_to_go = reads_each ? 1 : k_requests_a_clock / k_requests_a_look;
}

void look_in_turn() {
  cache::Thread& thread = cache::t_thread;
  if (os::wall_second() != g_looked_at.load(std::memory_order_relaxed) || --thread.looks_to_go == 0)
    return look_again();
  thread.requests_to_go = requests_a_look(thread);
}

ARENITE_COLD void restart_retention_in_child() {
  leave();
  restart_background_in_child();
  if (!is_background_wanted()) return;
  g_looked_at.store(0, std::memory_order_relaxed);
  g_retention.next_change.store(static_cast<size_t>(os::coarse_milliseconds()),
                                std::memory_order_relaxed);
  cache::watch(cache::Watch::some);
}

ARENITE_COLD size_t usable_credit() {
  if (ledger::g_purger.load(std::memory_order_relaxed) != nullptr)
    settle(os::coarse_milliseconds(), false, Pace::after_pause);
  return g_retention.usable_credit.load(std::memory_order_relaxed);
}

}  // namespace arenite::engine
