// Purging: how much of what is retained has to go now.
//
// Where more is retained than bound and credit allow, the rest goes and a lot beyond it, so that
// purges come seldom: an eighth of the bound, or half of it where that is small. Not more, for what
// is purged is often wanted again: where blocks are replaced at random the free memory between them
// swings around the bound. And not more than 2 MiB, which a request can pay for at once.
//
// No credit counts that would let the process grow: it is no more than what was in use at a peak of
// the last second and is not now (credit.hpp). So where fresh pages are taken though much is
// retained, as much less may be retained and goes in exchange; the process is never larger than
// that peak and the bound. Where the same keeper takes them, because what it retains does not fit,
// and takes again what was purged, that would go on for ever: so much it may become larger.
//
// Asked after events that leave more than the bound, with the figures of the moment, and once when
// it is no more than that.
#pragma once

#include "policy/credit.hpp"

namespace arenite::policy {

struct RetentionFigures {
  uint64_t now;      // in milliseconds
  uint32_t thread;   // that asks; no two have the same
  size_t live;       // in use
  size_t peak_live;  // the most since the last time
  size_t retained;   // free and resident
  size_t bound;      // what may be, without credit
  size_t grown;      // fresh pages ever taken, in bytes; wraps
  size_t unfit;      // of those, though as much was retained; wraps
  size_t reused;     // retained pages ever used again; wraps
};

class Purging {
 public:
  static constexpr size_t k_least_lot = 512 * k_kib;
  static constexpr size_t k_largest_lot = 2 * k_mib;
  static constexpr size_t k_scraps = 256 * k_kib;
  // Where nothing can be purged nobody is asked for so long.
  static constexpr uint64_t k_pause = Credit::k_period;

  // How many bytes are to go.
  size_t plan(const RetentionFigures& f) {
    const bool is_recent = credit_.advance(f.now);
    credit_.in_use(is_recent && f.peak_live > f.live ? f.peak_live : f.live);
    credit_.grew(f.grown - grown_, f.unfit - unfit_, f.thread == purged_by_);
    thread_ = f.thread;
    credit_.reused(f.reused - reused_);
    grown_ = f.grown;
    unfit_ = f.unfit;
    reused_ = f.reused;
    usable_ = credit_.usable(f.live);
    if (f.retained <= f.bound || f.retained - f.bound <= usable_ || is_pausing(f.now)) return 0;
    size_t lot = f.bound / 8 > k_least_lot ? f.bound / 8 : f.bound / 2;
    if (lot > k_largest_lot) lot = k_largest_lot;
    return f.retained - f.bound + lot - usable_;
  }

  // So much went at once of what was to go.
  void purged(size_t planned, size_t bytes) {
    credit_.purged(bytes < planned ? bytes : planned);
    purged_by_ = thread_;
    // Keepers that cannot give, but for scraps, are not asked again for a while.
    if (bytes < planned && bytes < k_scraps) pause_until_ = now() + k_pause;
  }

  // Of the last plan.
  size_t usable_credit() const { return usable_; }

  // What it is made of: not more than the credit, nor than is missing to the ceiling.
  size_t credit() const { return credit_.credit(); }
  size_t ceiling() const { return credit_.ceiling(); }

  bool is_pausing(uint64_t now) const { return now < pause_until_; }

  // When there may be something to purge though nothing has happened.
  uint64_t next_change() const { return credit_.next_change(); }

  // For a process that would be killed for what it keeps.
  void forfeit() {
    credit_.forfeit();
    usable_ = 0;
  }

 private:
  uint64_t now() const { return credit_.now(); }

  Credit credit_;
  uint32_t thread_ = 0;
  uint32_t purged_by_ = 0;  // the latest
  size_t grown_ = 0;
  size_t unfit_ = 0;
  size_t reused_ = 0;
  size_t usable_ = 0;
  uint64_t pause_until_ = 0;
};

}  // namespace arenite::policy
