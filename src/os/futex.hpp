// The kernel's futex call, under the number that takes times as long as ours.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>

namespace arenite::os {

#ifdef SYS_futex
inline constexpr long k_futex = SYS_futex;
#else
inline constexpr long k_futex = SYS_futex_time64;
#endif

}  // namespace arenite::os
