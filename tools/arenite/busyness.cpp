// See busyness.hpp.

#include "busyness.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace arenite::command {

Busyness::Busyness() : start_(now()) {}

// The first line of /proc/stat: "cpu user nice system idle iowait irq softirq steal …", in ticks.
Busyness::Seconds Busyness::now() {
  Seconds seconds;
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  constexpr int k_fields = 8;
  constexpr int k_idle = 3;
  constexpr int k_waiting = 4;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  double value = 0;
  for (int i = 0; i < k_fields && file >> value; i++) {
    seconds.all += value / ticks;
    if (i != k_idle && i != k_waiting) seconds.busy += value / ticks;
  }
  constexpr double k_million = 1e6;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime})
      seconds.own +=
          static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / k_million;
  }
  return seconds;
}

double Busyness::others() const {
  const Seconds end = now();
  const double all = end.all - start_.all;
  const double others = end.busy - start_.busy - (end.own - start_.own);
  return all <= 0 ? 0 : std::clamp(others / all, 0.0, 1.0);
}

}  // namespace arenite::command
