// Reads /proc into static buffers and parses it by hand, so that looking at the heap leaves the
// heap as it is. Only count_arenas() uses stdio, on a buffer and a pipe of its own.

#include "process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "expect.hpp"

namespace behaviour {
namespace {

char text[1 << 20];

void read_file(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(__FILE__, __LINE__, "cannot open %s: %s", path, strerror(errno));
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(__FILE__, __LINE__, "cannot read %s: %s", path, strerror(errno));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
    if (length == sizeof(text) - 1) fail(__FILE__, __LINE__, "%s is too long", path);
  }
  close(fd);
  text[length] = '\0';
}

Mapping parse_mapping(const char* line, const char* end) {
  Mapping mapping{};
  char* after = nullptr;
  mapping.start = strtoul(line, &after, 16);
  mapping.end = strtoul(after + 1, &after, 16);
  memcpy(mapping.permissions, after + 1, 4);
  const char* name = after + 6;
  for (int field = 0; field < 3; ++field) {  // offset, device, inode
    while (name < end && *name == ' ') ++name;
    while (name < end && *name != ' ') ++name;
  }
  while (name < end && *name == ' ') ++name;
  const auto length = static_cast<std::size_t>(end - name);
  memcpy(mapping.name, name, length < sizeof(mapping.name) ? length : sizeof(mapping.name) - 1);
  return mapping;
}

rlimit limit_before[2];
bool limited[2];

void lower(int which, int resource, std::size_t bytes) {
  rlimit limit{};
  EXPECT_EQ(getrlimit(static_cast<__rlimit_resource>(resource), &limit), 0);
  if (!limited[which]) limit_before[which] = limit;
  limited[which] = true;
  limit.rlim_cur = bytes;
  EXPECT_EQ(setrlimit(static_cast<__rlimit_resource>(resource), &limit), 0);
}

}  // namespace

void for_each_mapping(void (*visit)(const Mapping&, void*), void* context) {
  read_file("/proc/self/maps");
  for (const char* line = text; *line != '\0';) {
    const char* end = strchr(line, '\n');
    visit(parse_mapping(line, end), context);
    line = end + 1;
  }
}

Mapping mapping_of(const void* p) {
  struct Search {
    std::uintptr_t address;
    Mapping found;
  } search{reinterpret_cast<std::uintptr_t>(p), {}};
  for_each_mapping(
      [](const Mapping& mapping, void* context) {
        auto* s = static_cast<Search*>(context);
        if (mapping.start <= s->address && s->address < mapping.end) s->found = mapping;
      },
      &search);
  return search.found;
}

std::size_t bytes_mapped_from(const void* p, const char* permissions) {
  struct Run {
    std::uintptr_t next;
    const char* permissions;
  } run{reinterpret_cast<std::uintptr_t>(p), permissions};
  for_each_mapping(
      [](const Mapping& mapping, void* context) {
        auto* r = static_cast<Run*>(context);
        if (mapping.start <= r->next && r->next < mapping.end &&
            strcmp(mapping.permissions, r->permissions) == 0)
          r->next = mapping.end;
      },
      &run);
  return run.next - reinterpret_cast<std::uintptr_t>(p);
}

bool is_mapped(const void* p) {
  const auto page =
      reinterpret_cast<std::uintptr_t>(p) & ~(static_cast<std::uintptr_t>(getpagesize()) - 1);
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(page), 1, &resident) == 0;
}

std::size_t status_bytes(const char* field) {
  read_file("/proc/self/status");
  for (const char* line = text; line != nullptr && *line != '\0';) {
    if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
      return strtoul(line + strlen(field) + 1, nullptr, 10) * 1024;
    line = strchr(line, '\n');
    if (line != nullptr) ++line;
  }
  fail(__FILE__, __LINE__, "no %s in /proc/self/status", field);
}

std::uintptr_t program_break() {
  return reinterpret_cast<std::uintptr_t>(sbrk(0));
}

std::size_t data_once_settled() {
  for (int i = 0; i < 100; ++i) free(keep(malloc(1000)));
  return status_bytes("VmData");
}

int count_arenas() {
  FILE* out = tmpfile();
  EXPECT(out != nullptr);
  EXPECT_EQ(malloc_info(0, out), 0);
  rewind(out);
  int arenas = 0;
  char line[256];
  while (fgets(line, sizeof(line), out) != nullptr) {
    if (strncmp(line, "<heap nr=", 9) == 0) ++arenas;
    if (strncmp(line, "<!-- s", 6) == 0) --arenas;  // spans or slabs: a heap that is no arena
  }
  fclose(out);
  return arenas;
}

bool mode_is_classic() {
  const char* mode = getenv("ARENITE_MODE");
  return mode != nullptr && strcmp(mode, "classic") == 0;
}

std::size_t promised_alignment() {
  return sizeof(void*) == 4 && mode_is_classic() ? 8 : 16;
}

bool library_is_a_stand_in() {
  return getenv("BEHAVIOUR_STAND_IN") != nullptr;
}

void rerun_with(std::initializer_list<const char*> variables) {
  if (getenv("BEHAVIOUR_RERUN") != nullptr) return;
  setenv("BEHAVIOUR_RERUN", "1", 1);
  for (const char* variable : variables) {
    char name[64];
    const char* value = strchr(variable, '=') + 1;
    snprintf(name, sizeof(name), "%.*s", static_cast<int>(value - variable - 1), variable);
    setenv(name, value, 1);
    // A stand-in keeps the tunables that run_case.py gave it.
    if (library_is_a_stand_in() && strcmp(name, "GLIBC_TUNABLES") == 0) {
      char both[256];
      snprintf(both, sizeof(both), "glibc.malloc.tcache_count=0:%s", value);
      setenv(name, both, 1);
    }
  }
  read_file("/proc/self/cmdline");
  char* program = text;
  char* case_name = program + strlen(program) + 1;
  char* arguments[] = {program, case_name, nullptr};
  execv("/proc/self/exe", arguments);
  fail(__FILE__, __LINE__, "cannot start the program anew: %s", strerror(errno));
}

void expect_good_end(pid_t child, const char* file, int line) {
  if (child < 0) fail(file, line, "fork failed: %s", strerror(errno));
  int status = 0;
  while (waitpid(child, &status, 0) != child)
    if (errno != EINTR) fail(file, line, "waitpid failed: %s", strerror(errno));
  if (WIFSIGNALED(status)) fail(file, line, "the child died of signal %d", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) fail(file, line, "the child exited %d", WEXITSTATUS(status));
}

void limit_address_space_to_present_plus(std::size_t bytes) {
  lower(0, RLIMIT_AS, status_bytes("VmSize") + bytes);
}

void limit_data_to_present_plus(std::size_t bytes) {
  lower(1, RLIMIT_DATA, status_bytes("VmData") + bytes);
}

void lift_limits() {
  if (limited[0]) setrlimit(RLIMIT_AS, &limit_before[0]);
  if (limited[1]) setrlimit(RLIMIT_DATA, &limit_before[1]);
  limited[0] = limited[1] = false;
}

}  // namespace behaviour
