// Holes: when free pages inside slabs that are partly used go back.
//
// Nothing is counted on the way of a block, so nobody knows how much of a slab is free until he
// looks. All slabs are looked at in turn, so many a second at most; once round is a round. What is
// found does not go at once. A program that takes and frees at random takes a slab up again before
// long, fills it, and would fault in each page that had gone. So:
//
//   due       a slab from which nobody has allocated for `wait` rounds, where the holes of all
//             slabs, as of the last round, are more than may stay
//   doubled   is the wait where more than an eighth of what has gone was taken up again since the
//             last look: it went too soon
//   halved    after sixteen looks without that
//
// So what is idle goes a second or two later, and who takes it up again and again pays for it less
// and less often. In a teardown the looks come faster (engine/retention.cpp): what it leaves goes
// in its course.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

class Holes {
 public:
  static constexpr uint64_t k_between_looks = 1000;  // in milliseconds
  static constexpr size_t k_slabs_a_look = 65536;
  static constexpr unsigned k_longest_wait = 64;
  static constexpr unsigned k_quiet_looks = 16;
  static constexpr size_t k_scraps = 64 * k_kib;

  // A look begins: so much may stay; of what has gone so much was taken up since the last look, and
  // the rest is away still.
  void begin(size_t may_stay, size_t taken_up, size_t away) {
    may_stay_ = may_stay;
    if (taken_up > k_scraps && taken_up > (taken_up + away) / 8) {
      wait_ = wait_ * 2 < k_longest_wait ? wait_ * 2 : k_longest_wait;
      quiet_looks_ = 0;
    } else if (++quiet_looks_ == k_quiet_looks) {
      wait_ = wait_ > 1 ? wait_ / 2 : 1;
      quiet_looks_ = 0;
    }
  }

  // A slab has holes of so many bytes, and for so many rounds nobody has allocated from it. Whether
  // they go.
  bool is_due(size_t bytes, unsigned rounds) {
    found_ += bytes;
    return found_in_last_round_ > may_stay_ && rounds >= wait_;
  }

  // The look is over, and so many bytes went. Whether the next should not wait for the program to
  // do much: something may be due by then.
  bool end(size_t gone, bool is_end_of_round) {
    found_ -= gone < found_ ? gone : found_;
    const bool is_over = found_ > may_stay_ || found_in_last_round_ > may_stay_;
    if (is_end_of_round) {
      found_in_last_round_ = found_;
      found_ = 0;
    }
    return is_over || gone != 0;
  }

  unsigned wait() const { return wait_; }

 private:
  size_t may_stay_ = 0;
  size_t found_ = 0;  // in this round, and still there
  size_t found_in_last_round_ = 0;
  unsigned wait_ = 1;
  unsigned quiet_looks_ = 0;
};

}  // namespace arenite::policy
