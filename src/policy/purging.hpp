// Purging: how much of what is retained has to go now.
//
//   excess    more is retained than bound and credit allow: all but half the bound and the credit
//             goes, so that purges come seldom and are large
//   exchange  fresh pages were taken while more was retained than the bound: as much goes, so that
//             the process is never larger than if all that is free had gone at once; in lots
//
// Asked after events that leave more than the bound, with the figures of the moment, and once when
// it is no more than that. What was taken while no more than the bound was retained is not
// exchanged.
#pragma once

#include "policy/credit.hpp"

namespace arenite::policy {

struct RetentionFigures {
  uint64_t now;      // in milliseconds
  size_t live;       // in use
  size_t peak_live;  // the most since the last time
  size_t retained;   // free and resident
  size_t bound;      // what may be, without credit
  size_t grown;      // fresh pages ever taken, in bytes; wraps
  size_t reused;     // retained pages ever used again; wraps
};

struct PurgePlan {
  size_t bytes = 0;   // to purge
  size_t excess = 0;  // of these, because more is retained than may be
};

class Purging {
 public:
  static constexpr size_t k_lot = 256 * k_kib;
  // Where nothing can be purged nobody is asked for so long.
  static constexpr uint64_t k_pause = Credit::k_period;

  PurgePlan plan(const RetentionFigures& f) {
    const bool is_recent = credit_.advance(f.now);
    credit_.in_use(is_recent && f.peak_live > f.live ? f.peak_live : f.live);
    const size_t grown = f.grown - grown_;
    const size_t reused = f.reused - reused_;
    grown_ = f.grown;
    reused_ = f.reused;
    credit_.grew(grown);
    credit_.reused(reused);
    // Of what was too much the last time some may have been used again, and the rest purged.
    const size_t still_over = over_ > reused ? over_ - reused : 0;
    const size_t more = grown < still_over ? grown : still_over;
    if (__builtin_add_overflow(owed_, more, &owed_)) owed_ = SIZE_MAX;
    usable_ = credit_.usable(f.live);
    over_ = f.retained > f.bound ? f.retained - f.bound : 0;
    if (over_ == 0) owed_ = 0;
    if (over_ == 0 || is_pausing(f.now)) return {};

    if (owed_ > over_) owed_ = over_;
    PurgePlan plan;
    if (over_ > usable_) plan.excess = f.retained - f.bound / 2 - usable_;
    plan.bytes = owed_ >= k_lot && owed_ > plan.excess ? owed_ : plan.excess;
    return plan;
  }

  // So much went at once.
  void purged(const PurgePlan& plan, size_t bytes) {
    credit_.purged(bytes < plan.excess ? bytes : plan.excess);
    owed_ -= bytes < owed_ ? bytes : owed_;
    over_ -= bytes < over_ ? bytes : over_;
    // Keepers that cannot give, but for scraps, are not asked again for a while.
    if (bytes < plan.bytes && bytes < k_lot) pause_until_ = now() + k_pause;
  }

  // Of the last plan.
  size_t usable_credit() const { return usable_; }

  bool is_pausing(uint64_t now) const { return now < pause_until_; }

  // When there may be something to purge though nothing has happened.
  uint64_t next_change() const { return credit_.next_change(); }

  // A program that wants all back wants no credit.
  void forfeit() {
    credit_.forfeit();
    usable_ = 0;
  }

 private:
  uint64_t now() const { return credit_.now(); }

  Credit credit_;
  size_t grown_ = 0;
  size_t reused_ = 0;
  size_t owed_ = 0;  // fresh pages that nothing has gone for yet
  size_t usable_ = 0;
  size_t over_ = 0;  // beyond the bound, after the last purge
  uint64_t pause_until_ = 0;
};

}  // namespace arenite::policy
