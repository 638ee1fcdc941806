// A program that does nothing: what does the allocator itself cost?
//
// Starts a copy of itself again and again, in the same environment and so under the same allocator;
// the copy takes one block, frees it, and reports its resident size. Figures: that size, and the
// seconds from the start of a copy to its end (the median).
#include <spawn.h>
#include <sys/wait.h>

#include <vector>

#include "common.hpp"

extern char** environ;

namespace {

int be_the_copy() {
  void* p = std::malloc(100);
  bench::escape(p);
  std::free(p);
  const std::uint64_t resident = bench::resident_kib();
  return write(1, &resident, sizeof resident) == sizeof resident ? 0 : 1;
}

struct Start {
  double seconds;
  std::uint64_t resident_kib;
};

Start start_copy() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) bench::fail("cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  std::array<char*, 3> arguments{const_cast<char*>("nothing"), const_cast<char*>("--copy"),
                                 nullptr};
  const double started = bench::now_seconds();
  pid_t child = 0;
  if (posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) != 0) {
    bench::fail("cannot start a copy");
  }
  int status = 0;
  waitpid(child, &status, 0);
  Start start{bench::now_seconds() - started, 0};
  if (status != 0 || read(ends[0], &start.resident_kib, 8) != 8) bench::fail("a copy failed");
  posix_spawn_file_actions_destroy(&actions);
  close(ends[0]);
  close(ends[1]);
  return start;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--copy") == 0) return be_the_copy();
  bench::Program program("nothing", "the cost of the allocator itself", argc, argv);
  const std::uint64_t starts = program.scaled(200, 5);
  program.begin();

  std::vector<double> seconds;
  std::vector<std::uint64_t> resident;
  for (std::uint64_t i = 0; i < starts; ++i) {
    const Start start = start_copy();
    seconds.push_back(start.seconds);
    resident.push_back(start.resident_kib);
  }
  std::sort(seconds.begin(), seconds.end());
  std::sort(resident.begin(), resident.end());
  program.figure("start_seconds", seconds[starts / 2]);
  program.figure("rss_nothing_kib", static_cast<double>(resident[starts / 2]));
  return program.finish(starts, starts);
}
