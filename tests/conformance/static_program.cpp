// The library linked into a -static program: it answers from the first call, in threads and forks.
// The other subjects' cases are linked into the same program (see CMakeLists.txt).

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

namespace {

void* churn(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  void* blocks[100] = {};
  for (int i = 0; i < 20000; ++i) {
    void*& p = blocks[random.below(100)];
    free(p);
    p = malloc(random.size(2000));
    EXPECT(p != nullptr);
  }
  for (void* p : blocks) free(p);
  return nullptr;
}

}  // namespace

CASE(a_static_program_reads_the_settings) {
  rerun_with({"ARENITE_MXFAST=abc"});
  expect_line("ARENITE_MXFAST=abc");
  free(keep(malloc(100)));
}

CASE(a_static_program_has_threads_and_forks) {
  pthread_t threads[4];
  for (std::uintptr_t i = 0; i < 4; ++i)
    EXPECT_EQ(pthread_create(&threads[i], nullptr, churn, reinterpret_cast<void*>(i)), 0);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      churn(nullptr);
      _exit(0);
    }
    EXPECT_GOOD_END(child);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}
