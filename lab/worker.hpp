// A thread that does what it is told, one piece of work at a time.
//
//   Worker worker;
//   steps.run("thread created", [&] { worker.start(); });
//   steps.run("it mallocs", [&] { worker.perform([&] { block = malloc(1000); }); });
//   worker.end();
//
// So what several threads do comes in an order, and the main thread can look at the process after
// each piece. begin() goes on at once, for work that is to overlap with another's; finish() waits
// for it. Between start() and end() nothing here allocates, but what pthread_create() itself needs.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <cerrno>

#include "steps.hpp"

namespace arenite::lab {

class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start() {
    sem_init(&told_, 0, 0);
    sem_init(&done_, 0, 0);
    if (pthread_create(&thread_, nullptr, body, this) != 0) fail(1, "lab", "cannot make a thread");
  }

  // Waits until the work is done.
  template <typename Work>
  void perform(const Work& work) {
    begin(work);
    finish();
  }

  // The work must outlive the call of finish() that follows.
  template <typename Work>
  void begin(const Work& work) {
    call_ = [](const void* what) { (*static_cast<const Work*>(what))(); };
    work_ = &work;
    sem_post(&told_);
  }
  void finish() { wait(done_); }

  void end() {
    call_ = nullptr;
    sem_post(&told_);
    pthread_join(thread_, nullptr);
  }

 private:
  static void wait(sem_t& semaphore) {
    while (sem_wait(&semaphore) != 0 && errno == EINTR) {
    }
  }

  static void* body(void* self) {
    auto& me = *static_cast<Worker*>(self);
    for (wait(me.told_); me.call_ != nullptr; wait(me.told_)) {
      me.call_(me.work_);
      sem_post(&me.done_);
    }
    return nullptr;
  }

  pthread_t thread_{};
  sem_t told_{};
  sem_t done_{};
  void (*call_)(const void*) = nullptr;
  const void* work_ = nullptr;
};

}  // namespace arenite::lab
