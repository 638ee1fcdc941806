// Handing lines to threads. See walk_threads.hpp.

#include "walk_threads.hpp"

#include <pthread.h>

#include "steps.hpp"

namespace arenite::lab {
namespace {

// Neither of them allocates.
pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_changed = PTHREAD_COND_INITIALIZER;

}  // namespace

void Team::begin(unsigned thread) {
  Member& member = members_[thread];
  member.has_begun = true;
  pthread_t handle;
  if (pthread_create(&handle, nullptr, serve, &member) != 0)
    fail(1, "walk", "cannot create a thread");
  members_[1].standing = view::standing();  // libc may have asked for memory
}

void* Team::serve(void* with) {
  Member& member = *static_cast<Member*>(with);
  pthread_mutex_lock(&g_mutex);
  for (;;) {
    while (member.work == nullptr) pthread_cond_wait(&g_changed, &g_mutex);
    member.work(member.with);
    member.standing = view::standing();
    member.work = nullptr;
    pthread_cond_broadcast(&g_changed);
  }
}

void Team::run(unsigned thread, Work work, void* with) {
  Member& member = members_[thread];
  if (thread == 1) {
    work(with);
    member.standing = view::standing();
    return;
  }
  pthread_mutex_lock(&g_mutex);
  member.work = work;
  member.with = with;
  pthread_cond_broadcast(&g_changed);
  while (member.work != nullptr) pthread_cond_wait(&g_changed, &g_mutex);
  pthread_mutex_unlock(&g_mutex);
}

}  // namespace arenite::lab
