// How much of the machine's processors others had while something ran.
#pragma once

namespace arenite::command {

class Busyness {
 public:
  Busyness();  // begins now

  // Since then, 0 to 1 of all processors: what was at work, but for this process and those of its
  // children that have ended. 0 where /proc/stat cannot be read.
  double others() const;

 private:
  struct Seconds {
    double all = 0;   // that there were, of all processors
    double busy = 0;  // of these, at work
    double own = 0;
  };
  static Seconds now();

  Seconds start_;
};

}  // namespace arenite::command
