// ARENITE_BACKGROUND_PURGE=1: what a program keeps because it reuses it goes back a second after
// that stops, though the program makes no call. Without it nobody starts a thread.

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "effects.hpp"
#include "threads.hpp"

using namespace effects;

namespace {

constexpr int k_blocks = 64;
constexpr std::size_t k_small = 5000;

// 64 MiB of large blocks and 16 MiB of small ones come and go, until they are kept.
void build_up_and_tear_down() {
  static void* large[k_blocks];
  static void* small[16_MiB / k_small];
  for (int tooth = 0; tooth < 6; tooth++) {
    for (void*& block : large) memset(block = take(1_MiB), 1, 1_MiB);
    for (void*& block : small) memset(block = take(k_small), 1, k_small);
    for (void* block : large) free(block);
    for (void* block : small) free(block);
  }
}

int threads() {
  static char status[4096];
  FILE* file = fopen("/proc/self/status", "r");
  EXPECT(file != nullptr);
  setvbuf(file, nullptr, _IONBF, 0);
  int count = 0;
  while (fgets(status, sizeof(status), file) != nullptr) sscanf(status, "Threads: %d", &count);
  fclose(file);
  return count;
}

// Runs in a child whose initial thread leaves by pthread_exit, while the library's own thread
// lives.
template <typename Body>
pid_t child_that_leaves(Body before_it_leaves) {
  const pid_t child = fork();
  EXPECT(child >= 0);
  if (child != 0) return child;
  alarm(60);  // or a case that fails would leave it behind
  build_up_and_tear_down();
  for (int i = 0; i < 100 && threads() == 1; i++) {
    usleep(30'000);
    free(take(100));
  }
  EXPECT_EQ(threads(), 2);
  before_it_leaves();
  pthread_exit(nullptr);
}

// Without a call, at most for so long that a busy machine does not matter.
bool falls_below(std::size_t resident) {
  for (int i = 0; i < 200; i++) {
    if (status_bytes("VmRSS") < resident) return true;
    usleep(100'000);
  }
  return false;
}

}  // namespace

CASE(gives_back_what_was_kept_though_no_call_is_made) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  const std::size_t start = status_bytes("VmRSS");
  build_up_and_tear_down();
  EXPECT(falls_below(start + 8_MiB));
  EXPECT_EQ(threads(), 2);
}

CASE(does_so_each_time) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  const std::size_t start = status_bytes("VmRSS");
  for (int i = 0; i < 3; i++) {
    build_up_and_tear_down();
    EXPECT(falls_below(start + 8_MiB));
  }
  EXPECT_EQ(threads(), 2);
}

CASE(does_so_in_the_child_of_a_fork) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  const std::size_t start = status_bytes("VmRSS");
  build_up_and_tear_down();
  EXPECT_EQ(threads(), 2);
  for (int i = 0; i < 2; i++) {
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child != 0) {
      EXPECT_GOOD_END(child);
      continue;
    }
    build_up_and_tear_down();
    EXPECT(falls_below(start + 8_MiB));
    EXPECT_EQ(threads(), 2);
    _exit(0);
  }
  EXPECT(falls_below(start + 8_MiB));
}

CASE(starts_no_thread_in_a_program_that_never_frees_much) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  for (int i = 0; i < 1000; i++) free(take(static_cast<std::size_t>(i) * 100));
  EXPECT_EQ(threads(), 1);
}

CASE(starts_no_thread_where_it_is_not_set) {
  build_up_and_tear_down();
  EXPECT_EQ(threads(), 1);
}

CASE(starts_no_thread_in_classic_mode) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1", "ARENITE_MODE=classic"});
  build_up_and_tear_down();
  EXPECT_EQ(threads(), 1);
}

// As with glibc: the last thread of the program ends it.
CASE(does_not_keep_a_process_alive_whose_main_has_left) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  EXPECT_GOOD_END(child_that_leaves([] {}));
}

CASE(does_not_outlive_the_last_of_the_others) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  EXPECT_GOOD_END(child_that_leaves([] {
    behaviour::start(
        [](void*) -> void* {
          usleep(500'000);
          free(take(100));
          return nullptr;
        },
        nullptr);
  }));
}

CASE(keeps_no_signal_from_a_process_whose_main_has_left) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  const pid_t child = child_that_leaves([] {
    behaviour::start(
        [](void*) -> void* {
          for (;;) pause();
        },
        nullptr);
  });
  usleep(2'000'000);
  EXPECT_EQ(kill(child, SIGTERM), 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

// The program's handlers run on its own threads.
CASE(leaves_signals_to_the_program_s_threads) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  static std::atomic<int> caught{0};
  static pthread_t own;
  own = pthread_self();
  struct sigaction action = {};
  action.sa_handler = [](int) {
    if (pthread_equal(pthread_self(), own) != 0) caught.fetch_add(1);
  };
  sigaction(SIGUSR1, &action, nullptr);
  build_up_and_tear_down();
  EXPECT_EQ(threads(), 2);
  for (int i = 0; i < 20; i++) kill(getpid(), SIGUSR1);
  EXPECT_AT_LEAST(caught.load(), 20);
}

CASE(lets_the_process_itself_end_when_main_leaves) {
  rerun_with({"ARENITE_BACKGROUND_PURGE=1"});
  build_up_and_tear_down();
  EXPECT_EQ(threads(), 2);
  pthread_exit(nullptr);
}
