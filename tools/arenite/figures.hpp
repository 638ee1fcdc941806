// Figures as text, the same everywhere in the lab.
#pragma once

#include <string>

namespace arenite::command {

inline constexpr double k_mib = 1024.0 * 1024.0;

std::string mib_text(double bytes);  // "307.7"
std::string seconds_text(double s);  // "5.32"; below 10 ms "0.0021"
std::string count_text(double n);    // "78,188"

// How `value` stands to `base`: "12 % less", "31 % more", "2.4 times as much", or "the same within
// 5 %" where they differ by no more than the tolerance (0.05).
std::string compared(double value, double base, double tolerance);

}  // namespace arenite::command
