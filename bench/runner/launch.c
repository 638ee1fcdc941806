// Starts one program and reports what it cost: the only way in which the runner starts anything it
// measures.
//
//   launch REPORT-FD [NAME=VALUE]... -- PROGRAM [ARGUMENT]...
//
// The kernel counts the memory of whoever calls exec into the peak of the program that is started,
// and a Python interpreter has ten megabytes of it. So the runner starts this small static program,
// and this starts the one to be measured. The variables are set for that one alone: neither this
// program nor the runner ever runs under the allocator under test. Wall time runs from just before
// the start to the end; processor time and the peak include children that were waited for. One line
// of JSON goes to REPORT-FD.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long micros(struct timeval t) {
  return t.tv_sec * 1000000LL + t.tv_usec;
}

static int usage(void) {
  fprintf(stderr, "usage: launch REPORT-FD [NAME=VALUE]... -- PROGRAM [ARGUMENT]...\n");
  return 2;
}

int main(int argc, char** argv) {
  if (argc < 4) return usage();
  char* end = NULL;
  const long report = strtol(argv[1], &end, 10);
  if (*end != '\0' || fcntl((int)report, F_SETFD, FD_CLOEXEC) != 0) return usage();
  int at = 2;
  for (; at < argc && strcmp(argv[at], "--") != 0; ++at) {
    if (strchr(argv[at], '=') == NULL || putenv(argv[at]) != 0) return usage();
  }
  if (at + 1 >= argc) return usage();
  char** const command = argv + at + 1;

  const long long started = now_ns();
  const pid_t child = vfork();
  if (child < 0) {
    perror("launch: vfork");
    return 1;
  }
  if (child == 0) {
    execvp(command[0], command);
    dprintf(2, "launch: cannot start %s: %s\n", command[0], strerror(errno));
    _exit(127);
  }
  int status = 0;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) {
    if (errno != EINTR) {
      perror("launch: wait4");
      return 1;
    }
  }
  const long long wall = now_ns() - started;
  dprintf((int)report,
          "{\"wall_ns\":%lld,\"user_us\":%lld,\"system_us\":%lld,\"peak_kib\":%ld,"
          "\"minor_faults\":%ld,\"major_faults\":%ld,\"status\":%d,\"signal\":%d}\n",
          wall, micros(used.ru_utime), micros(used.ru_stime), used.ru_maxrss, used.ru_minflt,
          used.ru_majflt, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return 0;
}
