// ARENITE_BACKTRACE=1: a death is followed by the calls that led there, without this library's own.

#include <dlfcn.h>

#include "slabs.hpp"

using namespace slabs;

namespace {

// Each a frame of its own, and none a jump.
[[gnu::noinline]] void free_wrongly(void* p) {
  free(p);
  asm volatile("" : : : "memory");
}
[[gnu::noinline]] void call_who_frees(void* p) {
  free_wrongly(p);
  asm volatile("" : : : "memory");
}

void show_frames() {
  if (getenv("ARENITE_BACKTRACE") == nullptr) rerun_with({"ARENITE_BACKTRACE=1"});
}
// As in every C++ program; here it comes after the library has started.
void load_the_unwinder() {
  if (dlopen("libgcc_s.so.1", RTLD_NOW) == nullptr) cannot_try("there is no libgcc_s here");
}

// The frames of a child that does it, each as it is said, one after the other.
template <typename Body>
void said_by_child(char* said, std::size_t room, Body body) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    close(ends[0]);
    close(ends[1]);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::size_t length = 0;
  while (length + 1 < room) {
    const ssize_t got = read(ends[0], said + length, room - 1 - length);
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  said[length] = '\0';
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

// Where the n-th frame says it lies in this program; 0 where it does not.
std::uintptr_t offset_of_frame(const char* said, int n) {
  char start[128];
  const int length =
      snprintf(start, sizeof(start), "\n  #%d %s+0x", n, program_invocation_short_name);
  const char* frame = strstr(said, start);
  return frame == nullptr ? 0 : strtoul(frame + length, nullptr, 16);
}

// The two above, one after the other, and nothing of the library's.
void expect_frames_in_order(void* wrong) {
  char said[4096];
  said_by_child(said, sizeof(said), [wrong] { call_who_frees(wrong); });
  const std::uintptr_t first = offset_of_frame(said, 0);
  const std::uintptr_t second = offset_of_frame(said, 1);
  if (first == 0 || second == 0) fail(__FILE__, __LINE__, "two frames are missing in '%s'", said);
  // Each is a call near the start of its function, and offsets differ as addresses do.
  const auto inner = reinterpret_cast<std::uintptr_t>(free_wrongly);
  const auto outer = reinterpret_cast<std::uintptr_t>(call_who_frees);
  EXPECT_AT_MOST((first - second) - (inner - outer) + 32, 64);
  EXPECT(strstr(said, "libarenite") == nullptr);
}

}  // namespace

CASE(a_death_is_followed_by_its_frames) {
  show_frames();
  load_the_unwinder();
  void* wrong = offset(take_from_slab(64), 16);
  expect_abort(line_about(k_invalid, wrong, 64, k_no_start).text, {wrong});
  expect_frame("misuse_backtrace\\+0x[0-9a-f]+");
  expect_frame("libc\\.so\\.6\\+0x[0-9a-f]+");
  call_who_frees(wrong);
}

CASE(the_frames_are_the_program_s_in_their_order) {
  show_frames();
  load_the_unwinder();
  expect_frames_in_order(offset(take_from_slab(64), 16));
}

CASE(a_program_without_an_unwinder_has_those_with_frame_pointers) {
  show_frames();
  expect_frames_in_order(offset(take_from_slab(64), 16));
}

CASE(without_the_setting_there_are_no_frames) {
  void* wrong = offset(take_from_slab(64), 16);
  char said[4096];
  said_by_child(said, sizeof(said), [wrong] { call_who_frees(wrong); });
  EXPECT(strstr(said, "#0") == nullptr);
}
