// Credit: how much free memory beyond the bound a program has earned to keep.
//
// Who builds up and tears down again and again would pay for each page every time. So memory that
// was purged and asked for again within a second earns its size as credit: at once if it is the
// same thread that asks, else when it happens twice in a row, since one thread may well work after
// another without any coming back. What of it can be used is also no more than was in use at the
// peak of the last second and is not now: who once had little never keeps much.
//
// Blocks of many sizes that are replaced need room between them: what is free does not fit what is
// asked for. Where that is seen to happen to what was earned, the peak counts as larger by it.
//
//   tried      min(fresh pages taken, pages purged in the last second), by another thread; gone
//              with the credit
//   earned     the same by the thread that purged, or of pages that were tried before
//   room       what was earned though as much was kept, which did not fit; a quarter of the peak at
//              most, and no more than the credit
//   fades      by half every 250 ms, but not below what was asked for again in the last second:
//              earned so, or reused of what was kept. So a steady sawtooth goes on without a
//              purge, and credit for what nobody asks for fades
//   gone       a second after anything was asked for again
//
// Time is in milliseconds and comes with each call, never less than before. A second is four
// periods of 250 ms; what must be remembered of it is kept for each.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

class Credit {
 public:
  static constexpr uint64_t k_period = 250;
  static constexpr unsigned k_periods = 4;
  static constexpr uint64_t k_window = k_period * k_periods;

  // Until now; first of all calls at this time. False if nothing of the last second is known.
  bool advance(uint64_t now) {
    if (now - now_ >= k_window) {
      start(now);
      return false;
    }
    now_ = now;
    while (now - period_start_ >= k_period) turn();
    if (now - last_asked_ >= k_window) credit_ = room_ = tried_ = 0;
    return true;
  }

  // So much was in use at one time since the last call.
  void in_use(size_t live) {
    if (live > current().peak_live) current().peak_live = live;
  }

  // Fresh pages were taken, `unfit` of them though as much was kept. What of them had been purged
  // lately, by the same thread or another, is earned or tried.
  void grew(size_t bytes, size_t unfit, bool by_who_purged) {
    size_t earned = take_back(&Period::purged_again, bytes);
    const size_t tried = earned + take_back(&Period::purged, bytes - earned);
    if (tried == 0) return;
    if (by_who_purged) earned = tried;
    // More than the peak is never of use.
    const size_t peak = peak_live();
    raise(credit_, earned, peak);
    raise(room_, earned < unfit ? earned : unfit, peak);
    raise(tried_, tried, peak);
    asked_again(tried);
  }

  // Kept pages were used again.
  void reused(size_t bytes) {
    if (bytes != 0) asked_again(bytes);
  }

  // Pages went because more was kept than might be.
  void purged(size_t bytes) {
    const size_t again = bytes < tried_ ? bytes : tried_;
    tried_ -= again;
    add(current().purged_again, again);
    add(current().purged, bytes - again);
  }

  // What may be kept beyond the bound while `live` bytes are in use.
  size_t usable(size_t live) const {
    if (credit_ == 0) return 0;
    const size_t most = ceiling();
    const size_t missing = most > live ? most - live : 0;
    return credit_ < missing ? credit_ : missing;
  }

  // What was earned, of use or not, and what may be in use and kept on credit together: the most
  // that was in use in the last second, and the room.
  size_t credit() const { return credit_; }
  size_t ceiling() const {
    const size_t peak = peak_live();
    const size_t most_room = peak / k_part_of_peak_as_room;
    return peak + (room_ < most_room ? room_ : most_room);
  }

  // All that was earned is gone.
  void forfeit() { start(now_); }

  uint64_t now() const { return now_; }

  // When time alone can make less of it usable.
  uint64_t next_change() const {
    const uint64_t turn = period_start_ + k_period;
    const uint64_t end = last_asked_ + k_window;
    return credit_ != 0 && end < turn ? end : turn;
  }

 private:
  static constexpr size_t k_part_of_peak_as_room = 4;

  struct Period {
    size_t purged = 0;
    size_t purged_again = 0;  // what had been tried
    size_t asked_again = 0;
    size_t peak_live = 0;
  };

  Period& current() { return periods_[current_]; }

  size_t peak_live() const {
    size_t peak = 0;
    for (const Period& p : periods_) {
      if (p.peak_live > peak) peak = p.peak_live;
    }
    return peak;
  }

  static void add(size_t& sum, size_t bytes) {
    if (__builtin_add_overflow(sum, bytes, &sum)) sum = SIZE_MAX;
  }

  static void raise(size_t& sum, size_t bytes, size_t most) {
    sum = bytes < most && sum < most - bytes ? sum + bytes : most;
  }

  // Up to `bytes` of what was purged in the last second, the oldest first: it counts once.
  size_t take_back(size_t Period::*purged, size_t bytes) {
    size_t taken = 0;
    for (unsigned i = 1; i <= k_periods && taken < bytes; i++) {
      size_t& there = periods_[(current_ + i) % k_periods].*purged;
      const size_t part = there < bytes - taken ? there : bytes - taken;
      there -= part;
      taken += part;
    }
    return taken;
  }

  void asked_again(size_t bytes) {
    add(current().asked_again, bytes);
    last_asked_ = now_;
  }

  void turn() {
    size_t asked = 0;
    for (const Period& p : periods_) add(asked, p.asked_again);
    if (credit_ > asked) credit_ = credit_ / 2 > asked ? credit_ / 2 : asked;
    if (room_ > credit_) room_ = credit_;
    period_start_ += k_period;
    current_ = (current_ + 1) % k_periods;
    current() = {};
  }

  void start(uint64_t now) {
    credit_ = room_ = tried_ = 0;
    now_ = period_start_ = last_asked_ = now;
    for (Period& p : periods_) p = {};
  }

  size_t credit_ = 0;
  size_t room_ = 0;
  size_t tried_ = 0;  // asked for again after a purge, and not purged since
  uint64_t now_ = 0;
  uint64_t period_start_ = 0;
  uint64_t last_asked_ = 0;
  unsigned current_ = 0;
  Period periods_[k_periods];
};

}  // namespace arenite::policy
