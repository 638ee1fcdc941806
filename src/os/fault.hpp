// Fault injection: the n-th call of a kind fails as if the kernel had refused it.
//
// Always compiled in, because it costs one relaxed load beside a system call, and what a test
// exercises is then what ships. A plan is process-wide; set it before the threads it concerns run.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/base.hpp"

namespace arenite::os {

enum class Call : unsigned {
  map,
  commit,
  decommit,
  remap,
  purge,
  unmap,
  move_break,
  huge,
  populate,
  make_plain
};
inline constexpr unsigned k_call_kinds = 10;
inline constexpr unsigned k_every_call = (1U << k_call_kinds) - 1;

class FaultPlan {
 public:
  // The n-th call from now (1: the next) among the kinds in `mask` (bit 1 << Call) fails, and, if
  // `from_then_on`, every later one. n = 0 ends the plan.
  void fail_nth(uint64_t n, unsigned mask = k_every_call, bool from_then_on = false) {
    mask_.store(mask, std::memory_order_relaxed);
    from_then_on_.store(from_then_on, std::memory_order_relaxed);
    seen_.store(0, std::memory_order_relaxed);
    target_.store(n, std::memory_order_release);
  }

  // Counts the call; whether it has to fail.
  bool strikes(Call call) {
    const uint64_t target = target_.load(std::memory_order_acquire);
    if (ARENITE_LIKELY(target == 0)) return false;
    if (((mask_.load(std::memory_order_relaxed) >> static_cast<unsigned>(call)) & 1) == 0)
      return false;
    const uint64_t n = seen_.fetch_add(1, std::memory_order_relaxed) + 1;
    return n == target || (n > target && from_then_on_.load(std::memory_order_relaxed));
  }

  // How many calls the plan has counted.
  uint64_t seen() const { return seen_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> target_{0};
  std::atomic<uint64_t> seen_{0};
  std::atomic<unsigned> mask_{0};
  std::atomic<bool> from_then_on_{false};
};

inline constinit FaultPlan g_fault_plan;

}  // namespace arenite::os
