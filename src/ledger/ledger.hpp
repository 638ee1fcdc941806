// F2 ledger: the door header. How much memory is in use, and how much is free and still resident.
//
// Four keepers hold free memory: the slabs' depot (empty pages of 16 KiB), spans (whole pages
// inside free runs), the kept mappings of large blocks, the arenas (whole pages inside free chunks
// and tops). Each tells the ledger what happens to whole pages, never to a block:
//
//                    grew                       freed
//     the kernel's ────────► in use (live) ──────────────► free, resident (retained)
//         ▲  ▲                    │   ▲                          │      │
//         │  └──────shrank────────┘   └──────────reused──────────┘      │
//         └───────────────────────────────purged────────────────────────┘
//
// Memory that was purged, or never touched, is the kernel's here, whoever has its addresses. Free
// pages inside slabs that are partly used are live until they go: nobody knows of them before
// (cache/depot_holes.cpp).
//
// After an event, and with no lock held, whoever reported it calls settle(): where more is retained
// than policy::retention_bound allows, the engine is asked to purge (engine/retention.hpp). So it
// is where the process has grown by some megabytes, because the bound is lower near a container's
// limit.
//
// Any thread, at any time. Figures of events that are under way may be missing; keepers may report
// in lots of up to 64 KiB. In classic mode nobody reports and all is 0.
#pragma once

#include <atomic>

#include "ledger/mapped.hpp"
#include "os/os.hpp"
#include "policy/policy.hpp"

namespace arenite::ledger {

enum class Keeper : unsigned { slabs, spans, mappings, chunks };
inline constexpr unsigned k_keepers = 4;

class alignas(64) Ledger {
 public:
  // The five events; bytes of whole pages. Of what a keeper takes from the kernel `kept` bytes
  // would not be needed if what it retains did fit the request.
  void grew(size_t bytes, size_t kept = 0) {
    add(live_, bytes);
    add(grown_, bytes);
    if (kept != 0) add(unfit_, kept < bytes ? kept : bytes);
    note_peak();
  }
  void freed(Keeper keeper, size_t bytes) {
    add(live_, -bytes);
    add(retained_, bytes);
    add(of(keeper), bytes);
  }
  void reused(Keeper keeper, size_t bytes) {
    add(live_, bytes);
    add(retained_, -bytes);
    add(of(keeper), -bytes);
    add(reused_, bytes);
    note_peak();
  }
  void shrank(size_t bytes) { add(live_, -bytes); }
  // What went, and counts as in use again though nobody has touched it.
  void recounted(size_t bytes) { add(live_, bytes); }
  void purged(Keeper keeper, size_t bytes);
  // So much of what is in use nobody was seen to write, and no longer: it may hold memory or not.
  void noted_unseen(size_t bytes) { add(unseen_, bytes); }
  void forgot_unseen(size_t bytes) { add(unseen_, -bytes); }

  // In use, and free and resident: in all, or with one keeper.
  size_t live() const { return figure(live_); }
  size_t retained() const { return figure(retained_); }
  size_t retained(Keeper keeper) const { return figure(kept_[static_cast<unsigned>(keeper)]); }
  // Bytes that were ever taken from the kernel, so though as much was retained, reused, or purged;
  // they wrap.
  size_t grown() const { return grown_.load(std::memory_order_relaxed); }
  size_t unfit() const { return unfit_.load(std::memory_order_relaxed); }
  size_t reused() const { return reused_.load(std::memory_order_relaxed); }
  size_t purged() const { return purged_.load(std::memory_order_relaxed); }
  // The most that was in use since this was last asked.
  size_t take_peak_live() {
    const size_t now = live();
    const size_t peak = figure(peak_live_);
    peak_live_.store(now, std::memory_order_relaxed);
    return peak > now ? peak : now;
  }

  // What may be retained, not counting credit, and whether more is.
  size_t bound() const {
    const size_t live = policy::known_live(this->live(), figure(unseen_));
    return policy::retention_bound(live, tightness_.load(std::memory_order_relaxed));
  }
  ARENITE_INLINE bool is_over() const { return retained() > bound(); }

  // What of it credit covers, as of the last look (policy/credit.hpp): `credit` bytes, but not more
  // than is missing to the ceiling. That time has made less of it, a watched request finds.
  void set_credit(size_t credit, size_t ceiling) {
    credit_.store(credit, std::memory_order_relaxed);
    ceiling_.store(ceiling, std::memory_order_relaxed);
  }
  ARENITE_INLINE bool is_covered() const {
    const size_t credit = credit_.load(std::memory_order_relaxed);
    const size_t ceiling = ceiling_.load(std::memory_order_relaxed);
    const size_t now = live();
    const size_t missing = ceiling > now ? ceiling - now : 0;
    const size_t usable = missing < credit ? missing : credit;
    return retained() <= bound() + usable;
  }

  // Whether it is known that more than the bound is kept, and requests are watched for it. Where
  // this begins, and where it ends, somebody has to look.
  ARENITE_INLINE bool is_known_over() const { return known_over_.load(std::memory_order_relaxed); }
  void set_known_over(bool over) {
    if (over != is_known_over()) known_over_.store(over, std::memory_order_relaxed);
  }

  // Whether somebody has to look what is to be done after an event.
  ARENITE_INLINE bool is_to_be_settled() const {
    return is_over() != is_known_over() || (is_known_over() && !is_covered()) || has_grown();
  }

  // How tight the container's memory is, as of the last look.
  policy::Tightness tightness() const { return tightness_.load(std::memory_order_relaxed); }
  void set_tightness(policy::Tightness tightness) {
    tightness_.store(tightness, std::memory_order_relaxed);
  }
  // Whether so much was taken from the kernel since the last wait_for_growth() that it is time for
  // another look.
  ARENITE_INLINE bool has_grown() const {
    const size_t left = next_look_.load(std::memory_order_relaxed) - grown();
    return left == 0 || left > k_largest_request;
  }
  void wait_for_growth() {
    next_look_.store(grown() + policy::growth_between_looks(live()), std::memory_order_relaxed);
  }

 private:
  using Figure = std::atomic<size_t>;

  Figure& of(Keeper keeper) { return kept_[static_cast<unsigned>(keeper)]; }
  static void add(Figure& figure, size_t bytes) {
    if (os::single_threaded()) {
      figure.store(figure.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    } else {
      figure.fetch_add(bytes, std::memory_order_relaxed);
    }
  }
  // What two threads report at one moment may be missing.
  void note_peak() {
    const size_t now = live();
    if (now > peak_live_.load(std::memory_order_relaxed))
      peak_live_.store(now, std::memory_order_relaxed);
  }
  // Lots that two threads report in the other order make it less than nothing for a moment.
  static size_t figure(const Figure& figure) {
    const size_t bytes = figure.load(std::memory_order_relaxed);
    return bytes > k_largest_request ? 0 : bytes;
  }

  Figure live_{0};
  Figure unseen_{0};
  Figure retained_{0};
  Figure kept_[k_keepers] = {};
  Figure grown_{0};
  Figure unfit_{0};
  Figure reused_{0};
  Figure peak_live_{0};
  Figure purged_{0};
  Figure next_look_{policy::growth_between_looks(0)};  // what `grown` is then
  std::atomic<policy::Tightness> tightness_{policy::Tightness::none};
  Figure credit_{0};
  Figure ceiling_{0};
  std::atomic<bool> known_over_{false};
};

[[gnu::visibility("hidden")]] inline constinit Ledger g_ledger;

// Who purges, once the engine has started: brings what is retained back within what may be.
[[gnu::visibility("hidden")]] inline constinit std::atomic<void (*)()> g_purger{nullptr};

// Has it looked at now, whatever has happened. No lock of ours is held.
[[gnu::cold]] void ask_purger();

// After an event. No lock of ours is held: purging takes them. A call of its own, for events are
// few and the places many: 3 KiB.
[[gnu::noinline]] inline void settle() {
  if (ARENITE_UNLIKELY(g_ledger.is_to_be_settled())) ask_purger();
}

}  // namespace arenite::ledger
