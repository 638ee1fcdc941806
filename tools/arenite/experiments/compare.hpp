// Who is compared with whom, and what counts as a difference.
//
// A conclusion compares two runs: arenite's (the default mode, where it was run) with glibc's (else
// with the first). It says what was gained only where the difference is beyond what one run can
// tell: 5 % of a time, and that on a machine with nothing else to do; of memory 1 MiB or 2 %,
// whichever is more.
#pragma once

#include <string>
#include <vector>

#include "experiment.hpp"

namespace arenite::command {

inline constexpr double k_time_tolerance = 0.05;
inline constexpr double k_memory_tolerance = 0.02;

// The run of an allocator in a variant, or null: it was not asked for, or left out.
const Run* run_of(const std::vector<Run>& runs, const std::string& allocator,
                  const std::string& variant = {});

// `subject` is null where there is only one run.
struct Pair {
  const Run* base;
  const Run* subject;
};

// Of the runs without a variant.
Pair pair_of(const std::vector<Run>& runs);

struct Time {
  double seconds = 0;
  double cpu_seconds = 0;

  void add(const Step& step);
};

// "12 % less", "too short to compare", "no comparison: the machine was busy".
std::string times_compared(Time subject, Time base);
// The same for a reader in a hurry: "12 % faster", "31 % slower", "as fast within 5 %". A tenth
// faster is a tenth less time.
std::string speeds_compared(Time subject, Time base);

// Whether the two differ by more than one run's uncertainty, where `whole` is what there was.
bool memory_differs(double subject_bytes, double base_bytes, double whole_bytes);

}  // namespace arenite::command
