// Credit: how much free memory beyond the bound a program has earned to keep.
//
// Who builds up and tears down again and again would pay for each page every time. So memory that
// was purged and asked for again within a second earns its size as credit: at once if it is the
// same thread that asks, else when it happens twice in a row, since one thread may well work after
// another without any coming back. What of it can be used is also no more than was in use at the
// remembered peak and is not now: who once had little never keeps much.
//
// A peak is remembered as long as the program takes to come back to it, and for a second at most. A
// program that fills and frees quickly while it starts has spent its credit 100 ms later. Where
// most of what was purged because a peak was forgotten is asked for again, it was forgotten too
// soon, and the next is remembered for longer.
//
// Blocks of many sizes that are replaced need room between them: what is free does not fit what is
// asked for. Where that is seen to happen to what was earned, the peak counts as larger by it.
//
//   tried      min(fresh pages taken, pages purged in the last second), by another thread; gone
//              with the credit
//   earned     the same by the thread that purged, or of pages that were tried before
//   room       an eighth of what was earned though as much was kept, which did not fit: so room
//              that is never of use again has cost eight times as much already. At most an eighth
//              of the peak, or up to 16 MiB a quarter; and no more than the credit
//   usable     while the peak is fresh, all that is missing from peak and room; then half of the
//              credit at most
//   fades      by half every 250 ms, but not below what was asked for again in the last second:
//              earned so, or reused of what was kept. So a steady sawtooth goes on without a
//              purge, and credit for what nobody asks for fades
//   gone       a second after anything was asked for again
//
//   in use            peak
//     ▲    ╱╲╱╲        │◄─ fresh ─►│◄─── remembered ───►│ forgotten
//     │   ╱    ╲_______│___________│____________________│__________
//              usable:     all            half              none
//
// A peak is fresh for an eighth of a moment, remembered for one to two, or for the last second
// where a moment is more than 250 ms. A moment is 50 ms, and longer once a peak was forgotten too
// soon: by twice as many times as the program was away for longer than that peak's age. It is 50 ms
// again when the credit is gone or half of it has faded.
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
  static constexpr size_t k_moment = 50;

  // Until now; first of all calls at this time. False if nothing of the last second is known.
  bool advance(uint64_t now) {
    if (now - now_ >= k_window) {
      start(now);
      return false;
    }
    now_ = now;
    while (now - period_start_ >= k_period) turn();
    if (now - last_asked_ >= k_window) lose();
    if (now - moment_start_ >= moment_) turn_moment();  // it may have become shorter
    return true;
  }

  // So much was in use at one time since the last call.
  void in_use(size_t live) {
    if (live > current().peak_live) current().peak_live = live;
    if (live > peak_of_moment_) peak_of_moment_ = live;
    const size_t peak = remembered_peak();
    if (live >= peak - peak / 8) peak_at_ = now_;
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
    // What was purged because a peak was forgotten would have fitted.
    if (lapsed_ != 0) {
      come_back(earned);
    } else {
      raise(room_, (earned < unfit ? earned : unfit) / k_part_as_room, peak);
    }
    raise(tried_, tried, peak);
    asked_again(tried);
  }

  // Kept pages were used again.
  void reused(size_t bytes) {
    if (bytes != 0) asked_again(bytes);
  }

  // Pages went because more was kept than might be.
  void purged(size_t bytes) {
    const size_t lapsed = bytes < forgotten_ ? bytes : forgotten_;
    // Where the peak is fresh it is another, and the one before is gone.
    if (lapsed_ == 0) {
      lapsed_at_ = now_;
      lapsed_age_ = is_fresh() ? moment_ : static_cast<size_t>(now_ - peak_at_);
    }
    add(lapsed_, lapsed);
    const size_t again = bytes < tried_ ? bytes : tried_;
    tried_ -= again;
    add(current().purged_again, again);
    add(current().purged, bytes - again);
  }

  // What may be kept beyond the bound while `live` bytes are in use. To be asked before a purge.
  size_t usable(size_t live) {
    const size_t usable = within(credit(), ceiling(), live);
    const size_t most = within(credit_, peak_live(), live);
    forgotten_ = most > usable ? most - usable : 0;
    return usable;
  }

  // What was earned and counts at this age of the peak, and what may be in use and kept on credit
  // together: the peak that is remembered, and the room.
  size_t credit() const { return is_fresh() ? credit_ : credit_ / 2; }
  size_t ceiling() const {
    const size_t peak = remembered_peak();
    const size_t most = most_room(peak);
    return peak + (room_ < most ? room_ : most);
  }

  // All that was earned is gone.
  void forfeit() { start(now_); }

  uint64_t now() const { return now_; }

  // When time alone can make less of it usable.
  uint64_t next_change() const {
    const uint64_t turn = period_start_ + k_period;
    if (credit_ == 0) return turn;
    const uint64_t end = last_asked_ + k_window;
    const uint64_t moment = moment_start_ + moment_;
    uint64_t next = end < turn ? end : turn;
    if (moment < next) next = moment;
    const uint64_t stale = peak_at_ + moment_ / k_part_that_is_fresh;
    return is_fresh() && stale < next ? stale : next;
  }

 private:
  static constexpr size_t k_part_as_room = 8;
  static constexpr size_t k_part_that_is_fresh = 8;

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

  size_t remembered_peak() const {
    if (is_patient()) return peak_live();
    return peak_of_moment_ > peak_of_last_moment_ ? peak_of_moment_ : peak_of_last_moment_;
  }

  static size_t most_room(size_t peak) {
    constexpr size_t k_generous_up_to = size_t{16} << 20;
    const size_t eighth = peak / 8;
    const size_t quarter = peak / 4 < k_generous_up_to ? peak / 4 : k_generous_up_to;
    return eighth > quarter ? eighth : quarter;
  }

  bool is_patient() const { return moment_ > k_period; }
  bool is_fresh() const { return now_ - peak_at_ < moment_ / k_part_that_is_fresh; }

  static size_t within(size_t credit, size_t most, size_t live) {
    const size_t missing = most > live ? most - live : 0;
    return credit < missing ? credit : missing;
  }

  // So much was asked for again. Once that is two thirds of what was purged because a peak was
  // forgotten, the program has come back.
  void come_back(size_t bytes) {
    const size_t back = bytes + bytes / 2;
    lapsed_ -= back < lapsed_ ? back : lapsed_;
    if (lapsed_ != 0) return;
    const uint64_t since = now_ - lapsed_at_;
    const size_t away = lapsed_age_ + static_cast<size_t>(since < k_window ? since : k_window);
    moment_ = 2 * moment_ * away / (lapsed_age_ + 1);
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
    if (credit_ / 2 > asked) {
      credit_ /= 2;
      moment_ = k_moment;
      lapsed_ = 0;
    } else if (credit_ > asked) {
      credit_ = asked;
    }
    if (room_ > credit_) room_ = credit_;
    period_start_ += k_period;
    current_ = (current_ + 1) % k_periods;
    current() = {};
  }

  void turn_moment() {
    peak_of_last_moment_ = now_ - moment_start_ < 2 * moment_ ? peak_of_moment_ : 0;
    peak_of_moment_ = 0;
    moment_start_ = now_;
  }

  void lose() {
    credit_ = room_ = tried_ = lapsed_ = 0;
    moment_ = k_moment;
  }

  void start(uint64_t now) {
    lose();
    peak_of_moment_ = peak_of_last_moment_ = 0;
    now_ = period_start_ = moment_start_ = last_asked_ = peak_at_ = now;
    for (Period& p : periods_) p = {};
  }

  size_t credit_ = 0;
  size_t room_ = 0;
  size_t tried_ = 0;      // asked for again after a purge, and not purged since
  size_t forgotten_ = 0;  // usable but for that: were the last second's peak fresh
  size_t lapsed_ = 0;     // purged because of it, and not asked for again
  size_t peak_of_moment_ = 0;
  size_t peak_of_last_moment_ = 0;
  size_t moment_ = k_moment;  // so long is one
  uint64_t moment_start_ = 0;
  uint64_t peak_at_ = 0;  // when about as much was in use as is remembered
  uint64_t lapsed_at_ = 0;
  size_t lapsed_age_ = 0;  // of the peak that was forgotten, then
  uint64_t now_ = 0;
  uint64_t period_start_ = 0;
  uint64_t last_asked_ = 0;
  unsigned current_ = 0;
  Period periods_[k_periods];
};

}  // namespace arenite::policy
