// Refusal: after the kernel has refused memory it is left alone for a while.
//
// Under a limit each small request would otherwise make calls that fail before it is served from
// elsewhere. It is asked again a second later, after 64 requests, or once something was given back.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

// The holder of a lock's. Times are in milliseconds.
class Refusal {
 public:
  static constexpr uint64_t k_ms = 1000;
  static constexpr uint32_t k_requests = 64;

  bool is_known() const { return is_known_; }
  void note(uint64_t now) {
    is_known_ = true;
    at_ = now;
    requests_ = 0;
  }
  void forget() { is_known_ = false; }

  // One more request that wants memory: whether it is too early to ask.
  bool is_too_early(uint64_t now) {
    if (is_known_ && (++requests_ > k_requests || now - at_ >= k_ms)) forget();
    return is_known_;
  }

 private:
  uint64_t at_ = 0;
  uint32_t requests_ = 0;
  bool is_known_ = false;
};

}  // namespace arenite::policy
