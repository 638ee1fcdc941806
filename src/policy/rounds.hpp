// Rounds: when the slabs are looked into for free pages inside them, and how much at a time.
//
//              an event, in a program        a round is due, and a
//              that has more than a little   request or an event comes
//   resting ───────────────────────► waiting ───────────────────► under way ◄─┐
//      ▲                                ▲                            │   │     │ a step every
//      │                                └──────── over, but more ────┘   │     │ k_between_steps
//      │                                          may come free          ├─────┘
//      └─────────────────────────────────────────────────── over ────────┘
//
// An event is what the ledger hears of, or some dozens of slabs that changed their place. While
// rounds do not rest, requests are watched (engine/retention.hpp), so that any of them notices that
// a round or a step is due. A round is due `k_between_rounds` after the last began; at once where
// what is in use has become less by as much as may be kept, because a program may fall silent after
// a teardown. Then its steps do not wait for the clock, as far as a long step would get.
//
// A request pays for a short step at most. After a pause, those that come next make up for it, each
// with one. Only where requests are few does one pay for a long step: somebody must.
#pragma once

#include "policy/holes.hpp"

namespace arenite::policy {

class Rounds {
 public:
  // How requests come: one after the other; this one after a pause; after a pause, and few before.
  enum class Pace : uint8_t { steady, after_pause, seldom };

  struct Moment {
    uint64_t now;   // in milliseconds
    size_t live;    // in use
    size_t bound;   // what may be kept
    bool is_event;  // not only time has passed
    Pace pace;
  };

  // How much of a round is to be done now, in units of work (holes.hpp). 0: nothing.
  size_t plan(const Moment& m) {
    if (m.live > most_live_) most_live_ = m.live;
    const bool is_teardown = m.live + m.bound < most_live_;
    if (m.is_event && state_ == State::resting && m.live > 4 * m.bound) state_ = State::waiting;
    if (is_teardown) {
      most_live_ = m.live;
      hurried_work_ = Holes::k_long_step;
      is_another_due_ = state_ == State::under_way;
    }
    if (state_ != State::under_way) {
      if (!is_teardown && (state_ == State::resting || m.now < next_round_)) return 0;
      state_ = State::under_way;
      next_round_ = m.now + Holes::k_between_rounds;
      next_step_ = m.now;
      most_live_ = m.live;
    }
    if (m.pace == Pace::after_pause) hurried_work_ = Holes::k_long_step;
    if (hurried_work_ == 0 && m.now < next_step_) return 0;
    next_step_ = m.now + Holes::k_between_steps;
    const size_t work = m.pace == Pace::seldom ? Holes::k_long_step : Holes::k_short_step;
    hurried_work_ -= work < hurried_work_ ? work : hurried_work_;
    return work;
  }

  // The round is over.
  void end(bool may_more_come_free) {
    state_ = may_more_come_free || is_another_due_ ? State::waiting : State::resting;
    if (is_another_due_) next_round_ = 0;
    is_another_due_ = false;
  }

  bool is_resting() const { return state_ == State::resting; }

  // When there may be something to do though nothing happens; only where it does not rest.
  uint64_t next_change() const {
    if (state_ == State::waiting) return next_round_;
    return hurried_work_ != 0 ? 0 : next_step_;
  }

 private:
  enum class State : uint8_t { resting, waiting, under_way };

  State state_ = State::resting;
  uint64_t next_round_ = 0;
  uint64_t next_step_ = 0;
  size_t most_live_ = 0;         // since the round began
  size_t hurried_work_ = 0;      // that does not wait for the clock
  bool is_another_due_ = false;  // when the one that is under way is over
};

}  // namespace arenite::policy
