// Sleep: a thread of ours that waits for work, on a futex.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/base.hpp"

namespace arenite::os {

// Sleeps while the word is `value`, until woken, or so many milliseconds long. May end early.
inline constexpr uint32_t k_for_ever = 0;
void sleep_while(const std::atomic<uint32_t>& word, uint32_t value, uint32_t milliseconds);

// Wakes who sleeps on it.
void wake_sleeper(std::atomic<uint32_t>& word);

// Starts the one thread of ours, which runs body with a small stack and all signals blocked. False
// where there is none to be had. Allocates.
bool start_thread(void (*body)());
// Waits until it has ended. Once, by one thread.
void join_thread();

// Whether the calling thread is the one that the process, or this child of a fork, began with.
bool is_initial_thread();

}  // namespace arenite::os
