// Whose a pointer may be that is no block of ours: the second line of a death says it, as the
// kernel's list of mappings has it. And where that list cannot be read, or reading it is forbidden,
// the first line stands all the same.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "slabs.hpp"

// libc's own, which stands behind the library's.
extern "C" [[gnu::weak]] void* __libc_malloc(std::size_t size);

using namespace slabs;

namespace {

constexpr const char* k_no_block = "it is no block of this heap";

alignas(64) char zeroed[256];
alignas(64) char filled[256] = {1};

void expect_whose_of(void* wrong, const char* phrase) {
  char line[128];
  snprintf(line, sizeof(line), "arenite: %p: %s [%s, pid %d]", wrong, phrase,
           program_invocation_short_name, static_cast<int>(getpid()));
  expect_abort(line_about(k_invalid, wrong, 0, k_no_block).text, {wrong});
  expect_whose(line);
}

void expect_free_to_tell(void* wrong, const char* phrase) {
  expect_whose_of(wrong, phrase);
  free(wrong);
}

// "it lies in the data of ..." with this program's path.
const char* with_own_path(const char* phrase) {
  static char text[512];
  const std::size_t length = strlen(phrase);
  memcpy(text, phrase, length);
  const ssize_t path = readlink("/proc/self/exe", text + length, sizeof(text) - length - 1);
  EXPECT(path > 0);
  text[length + static_cast<std::size_t>(path)] = '\0';
  return text;
}

// Every later system call of this number is answered so.
void forbid(int number, unsigned answer) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    cannot_try("no system call can be forbidden here");
}

}  // namespace

CASE(in_the_stack_of_the_thread_that_frees_it) {
  alignas(16) char array[256] = {};
  take_from_slab(64);
  expect_free_to_tell(keep(array + 64), "it lies in the stack of this thread");
}

CASE(in_the_stack_of_another_thread_than_the_one_that_frees_it) {
  alignas(16) char array[256] = {};
  take_from_slab(64);
  void* wrong = keep(array + 64);
  expect_whose_of(wrong, "it lies in the stack of the main thread");
  in_a_thread(
      [](void* p) -> void* {
        free(p);
        return nullptr;
      },
      wrong);
}

CASE(in_the_program_s_data) {
  take_from_slab(64);
  expect_free_to_tell(keep(filled + 64), with_own_path("it lies in the data of "));
}

CASE(in_the_program_s_data_without_a_first_value) {
  take_from_slab(64);
  expect_free_to_tell(keep(zeroed + 64), with_own_path("it lies in the data of "));
}

CASE(in_a_mapping_of_a_file) {
  const int file = open("/proc/self/exe", O_RDONLY);
  void* map = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0);
  EXPECT(map != MAP_FAILED);
  // Both are zero there, so no header misleads.
  void* wrong = offset(map, 16);
  EXPECT_EQ(previous_size_field(wrong) >> (8 * sizeof(std::size_t) - 8), 0);
  if ((size_field(wrong) & k_mapped) != 0) cannot_try("the file's start reads as a mapped chunk");
  expect_free_to_tell(wrong, with_own_path("it lies in a shared mapping of "));
}

CASE(in_anonymous_memory) {
  void* map = mmap(nullptr, 1_MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* wrong = offset(map, 65536);
  expect_abort(line_about(k_invalid, wrong, 0, k_no_block).text, {wrong});
  expect_whose("it lies in anonymous memory: inside a large block, in another allocator's heap");
  free(wrong);
}

CASE(in_memory_that_may_not_be_read) {
  void* map = mmap(nullptr, 1_MiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect_free_to_tell(offset(map, 65536), "it lies in memory that may not be read");
}

CASE(where_nothing_is_mapped) {
  expect_free_to_tell(keep(reinterpret_cast<void*>(0x7000)), "nothing is mapped there");
}

CASE(in_the_middle_of_a_block_that_is_a_chunk) {
  if (!mode_is_classic()) cannot_try("no block is one");
  void* p = take(20000);
  expect_free_to_tell(offset(p, 4), "it lies in this heap's memory, where no block begins");
}

CASE(in_the_program_s_own_memory_of_the_break) {
  take(20000);
  void* own = sbrk(4096);
  EXPECT(own != reinterpret_cast<void*>(-1));
  expect_free_to_tell(
      offset(own, 64),
      "it lies in memory of the break that the program, or another allocator, took");
}

CASE(in_the_program_s_own_memory_of_the_break_between_two_parts_of_ours) {
  void* before = take(20000);
  void* own = sbrk(4096);
  EXPECT(own != reinterpret_cast<void*>(-1));
  void* last = nullptr;
  for (int i = 0; i < 100; ++i) last = take(20000);
  if (last < own) cannot_try("our break does not move beyond the program's");
  free(before);
  free(last);
  expect_free_to_tell(
      offset(own, 64),
      "it lies in memory of the break that the program, or another allocator, took");
}

CASE(of_libc_s_own_malloc) {
  if (__libc_malloc == nullptr) cannot_try("this libc does not tell its malloc");
  take(20000);
  void* wrong = keep(__libc_malloc(1000));
  EXPECT(wrong != nullptr);
  expect_free_to_tell(wrong,
                      "it looks like a block of libc's own malloc, in the memory of the break");
}

CASE(of_libc_s_own_malloc_between_two_parts_of_ours) {
  if (__libc_malloc == nullptr) cannot_try("this libc does not tell its malloc");
  take(20000);
  void* wrong = keep(__libc_malloc(50000));
  EXPECT(wrong != nullptr);
  void* last = nullptr;
  for (int i = 0; i < 100; ++i) last = take(20000);
  if (last < wrong) cannot_try("our break does not move beyond libc's");
  expect_free_to_tell(wrong,
                      "it looks like a block of libc's own malloc, in the memory of the break");
}

CASE(is_told_of_a_block_that_is_to_be_resized_or_measured) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  expect_abort("malloc_usable_size(): invalid pointer", {wrong});
  expect_whose("it lies in the stack of this thread");
  malloc_usable_size(wrong);
}

CASE(is_left_out_where_no_file_may_be_opened) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  take_from_slab(64);
  for (const unsigned error : {EPERM, ENOSYS})
    expect_child_ends(line_about(k_invalid, wrong, 0, k_no_block), [wrong, error] {
      forbid(SYS_openat, SECCOMP_RET_ERRNO | error);
      free(wrong);
    });
}

CASE(costs_no_first_line_where_opening_a_file_is_death) {
  alignas(16) char array[256] = {};
  void* wrong = keep(array + 64);
  take_from_slab(64);
  for (const int number : {SYS_openat, SYS_getpid}) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      dup2(ends[1], 2);
      forbid(number, SECCOMP_RET_KILL_PROCESS);
      free(wrong);
      _exit(0);
    }
    close(ends[1]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGSYS);
    char said[1024] = "";
    EXPECT(read(ends[0], said, sizeof(said) - 1) > 0);
    close(ends[0]);
    const Line line = line_about(k_invalid, wrong, 0, k_no_block);
    EXPECT_EQ(strncmp(said, line.text, strlen(line.text)), 0);
  }
}
