// The threads of a script: real ones, of which one at a time is at work. Thread 1 is the program's
// own; another begins when it is first needed and then waits for its lines.
#pragma once

#include "view/view.hpp"
#include "walk_script.hpp"

namespace arenite::lab {

class Team {
 public:
  bool has(unsigned thread) const { return thread == 1 || members_[thread].has_begun; }
  void begin(unsigned thread);

  // Runs work(with) on a thread that has begun, and returns when it is done.
  using Work = void (*)(void* with);
  void run(unsigned thread, Work work, void* with);

  // The thread's arena and slabs, after its last run.
  view::Standing standing(unsigned thread) const { return members_[thread].standing; }

 private:
  struct Member {
    bool has_begun = false;
    Work work = nullptr;
    void* with = nullptr;
    view::Standing standing{};
  };

  static void* serve(void* member);

  Member members_[k_most_threads + 1];
};

}  // namespace arenite::lab
