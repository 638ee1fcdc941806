// Experiment deferred: blocks of 1 MiB are taken until there are no more, by a program that leaves
// them alone and by one that fills them. Which gets more, and how does each end?
//
// Either is a child with the same two limits: of addresses, RLIMIT_AS, which the kernel keeps, and
// of memory, which the parent keeps as a kernel short of memory would. After each block the child
// waits; the parent reads how large it is, and kills it or lets it go on. So no child takes more
// than 1 MiB too much, however busy the machine is. Should the kernel itself kill a child, because
// a container's limit is below ours, that is told apart.
//
// As a 32-bit program the addresses end by themselves. The page deferred.md says what to expect
// and why.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "deferred";
constexpr size_t k_mib = 1024 * 1024;
constexpr uint64_t k_most_rows = 16;  // that a child's way to its limit is told by

struct Limits {
  uint64_t address_mib;
  uint64_t memory_mib;
};

struct Size {
  uint64_t virtual_bytes = 0;
  uint64_t resident_bytes = 0;
};

// /proc/PID/statm begins with both, in pages.
Size size_of(pid_t process) {
  char text[200];
  snprintf(text, sizeof text, "/proc/%d/statm", process);
  const int file = open(text, O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  text[std::max<ssize_t>(size, 0)] = '\0';
  unsigned long pages = 0;
  unsigned long resident = 0;
  if (sscanf(text, "%lu %lu", &pages, &resident) != 2) fail(1, k_program, "cannot read /proc");
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return {pages * page, resident * page};
}

// The child's side: takes blocks, asks after each, ends when there is none.
[[noreturn]] void take_blocks(bool fills, uint64_t address_mib, int parent) {
  rlimit64 limit{};
  getrlimit64(RLIMIT_AS, &limit);
  limit.rlim_cur = std::min<uint64_t>(limit.rlim_max, address_mib * k_mib);
  if (setrlimit64(RLIMIT_AS, &limit) != 0) fail(1, k_program, "cannot limit addresses");
  char answer = 0;
  for (;;) {
    void* const block = malloc(k_mib);
    if (block == nullptr) _exit(0);
    use(block);
    if (fills) std::memset(block, 1, k_mib);
    if (send(parent, "", 1, MSG_NOSIGNAL) != 1 || recv(parent, &answer, 1, 0) != 1) _exit(1);
  }
}

struct End {
  uint64_t blocks = 0;
  Size size;  // when the last of them was there
  uint64_t faults = 0;
  const char* how = "";
};

// The parent's side, until the child is dead.
class Watch {
 public:
  Watch(Steps& steps, const char* table, const Limits& limits, uint64_t row_every)
      : steps_(steps), table_(table), limits_(limits), row_every_(row_every) {}

  End over(pid_t child, int connection) {
    bool is_killed = false;
    char question = 0;
    while (!is_killed && recv(connection, &question, 1, 0) == 1) {
      end_.blocks++;
      end_.size = size_of(child);
      if (end_.blocks % row_every_ == 0) row();
      is_killed = end_.size.resident_bytes > limits_.memory_mib * k_mib;
      if (is_killed) {
        kill(child, SIGKILL);
      } else {
        send(connection, "", 1, MSG_NOSIGNAL);
      }
    }
    if (end_.blocks % row_every_ != 0) row();
    int status = 0;
    rusage usage{};
    if (wait4(child, &status, 0, &usage) != child) fail(1, k_program, "lost a child");
    end_.faults = static_cast<uint64_t>(usage.ru_minflt);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      end_.how = "null pointer";
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      end_.how = is_killed ? "killed" : "killed by the kernel";
    } else {
      fail(1, k_program, "a child failed");
    }
    return end_;
  }

 private:
  void row() {
    steps_.row(table_, {Figure::number("blocks", end_.blocks),
                        Figure::number("virtual_bytes", end_.size.virtual_bytes),
                        Figure::number("resident_bytes", end_.size.resident_bytes)});
  }

  Steps& steps_;
  const char* table_;
  const Limits& limits_;
  uint64_t row_every_;
  End end_;
};

void run_to_the_end(Steps& steps, const char* name, bool fills, const Limits& limits) {
  End end;
  steps.run(name, [&] {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      fail(1, k_program, "cannot make a socket");
    }
    const pid_t child = fork();
    if (child < 0) fail(1, k_program, "cannot fork");
    if (child == 0) {
      close(ends[0]);
      take_blocks(fills, limits.address_mib, ends[1]);
    }
    close(ends[1]);
    const uint64_t most = fills ? limits.memory_mib : limits.address_mib;
    end = Watch(steps, name, limits, (most + k_most_rows - 1) / k_most_rows).over(child, ends[0]);
    close(ends[0]);
  });
  steps.row("ends",
            {Figure::text("program", name), Figure::number("blocks", end.blocks),
             Figure::text("how", end.how), Figure::number("virtual_bytes", end.size.virtual_bytes),
             Figure::number("resident_bytes", end.size.resident_bytes),
             Figure::number("minor_faults", end.faults)});
}

constexpr char k_help[] =
    "usage: deferred [--address-mebibytes N] [--memory-mebibytes N]\n"
    "Takes blocks of 1 MiB to the end, in children limited to N MiB of addresses (4,096) and of\n"
    "memory (256), and prints one JSON line for each.\n"
    "Best started by `arenite lab deferred`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  Limits limits{4096, 256};
  read_arguments(argc, argv, k_program, k_help,
                 {{"--address-mebibytes", &limits.address_mib, 512, 16 * 1024},
                  {"--memory-mebibytes", &limits.memory_mib, 16, 4096}});
  Steps steps;
  run_to_the_end(steps, "malloc alone", false, limits);
  run_to_the_end(steps, "malloc and memset", true, limits);
}
