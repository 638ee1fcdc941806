// Holes: when free pages inside slabs that are partly used go back.
//
// Nothing is counted on the way of a block, so nobody knows how much of a slab is free before
// somebody looks. All slabs are looked at in turn; once round is a round. A round is made in steps,
// so that no request pays for more than a little of it, and begins at most once in
// `k_between_rounds`.
//
// What a round finds does not go at once. A program that takes and frees at random takes a slab up
// again before long, fills it, and would fault in each page that had gone. So:
//
//   due       a slab from which nobody has allocated for `wait` rounds, where the holes that the
//             last round found, or this one so far, are more than may stay
//   doubled   is the wait where more than an eighth of what has gone was taken up again since the
//             last round: it went too soon
//   halved    after sixteen rounds without that
//   one round is the wait at once where hardly any slab was allocated from since the last round:
//             the program that took them up is doing something else now
//
// So what is idle goes a second or two later, and a program that takes it up again and again pays
// for it less and less often.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

class Holes {
 public:
  static constexpr uint64_t k_between_rounds = 900;  // in milliseconds
  static constexpr uint64_t k_between_steps = 20;
  static constexpr unsigned k_longest_wait = 64;
  static constexpr unsigned k_quiet_rounds = 16;
  static constexpr size_t k_scraps = 64 * k_kib;

  // What a step costs, in units of some 35 ns: a header that is only passed by, a slab whose bits
  // are read, a range that the kernel is asked to take, and each page in it. A short step takes
  // some 0.4 ms: every `k_between_steps` that is a fiftieth of the processor. A long one is what
  // short ones do in a second.
  static constexpr size_t k_header_passed = 1;
  static constexpr size_t k_slab_read = 8;
  static constexpr size_t k_range_purged = 32;
  static constexpr size_t k_page_purged = 8;
  static constexpr size_t k_short_step = 12 * k_kib;
  static constexpr size_t k_long_step = k_short_step * (1000 / k_between_steps);

  // A round begins: of what has gone so much was taken up since the last, and the rest is away
  // still.
  void begin_round(size_t taken_up, size_t away) {
    const bool hardly_used = used_ < listed_ / 8;
    if (taken_up > k_scraps && taken_up > (taken_up + away) / 8) {
      wait_ = wait_ * 2 < k_longest_wait ? wait_ * 2 : k_longest_wait;
      quiet_rounds_ = 0;
    } else if (hardly_used) {
      wait_ = 1;
      quiet_rounds_ = 0;
    } else if (++quiet_rounds_ == k_quiet_rounds) {
      wait_ = wait_ > 1 ? wait_ / 2 : 1;
      quiet_rounds_ = 0;
    }
    found_in_last_round_ = known_ = found_;
    found_ = listed_ = used_ = 0;
  }

  // From now on so much may stay.
  void set_may_stay(size_t bytes) { may_stay_ = bytes; }

  // A slab with free blocks, of `there` bytes that have not gone, has holes of `bytes` bytes, and
  // for so many rounds nobody has allocated from it. Whether they go.
  bool is_due(size_t there, size_t bytes, unsigned rounds) {
    listed_ += there;
    if (rounds == 0) used_ += there;
    found_ += bytes;
    return (found_in_last_round_ > may_stay_ || found_ > may_stay_) && rounds >= wait_;
  }

  // So many bytes of what was found went.
  void gone(size_t bytes) {
    found_ -= bytes < found_ ? bytes : found_;
    known_ -= bytes < known_ ? bytes : known_;
  }

  // The round is over. Whether another is to follow, however little the program does: what is free
  // in slabs is more than may stay, or what is used in them now would be, once it is freed.
  bool end_round() {
    known_ = found_;
    return listed_ > may_stay_;
  }

  // Bytes that are known to be there: found in the last whole round, and not gone since.
  size_t known() const { return known_; }

  unsigned wait() const { return wait_; }

 private:
  size_t may_stay_ = 0;
  size_t found_ = 0;  // in this round, and still there
  size_t found_in_last_round_ = 0;
  size_t known_ = 0;
  size_t listed_ = 0;  // bytes of slabs with free blocks, in this round
  size_t used_ = 0;    // of those, allocated from since the last
  unsigned wait_ = 1;
  unsigned quiet_rounds_ = 0;
};

}  // namespace arenite::policy
