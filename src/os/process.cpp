#include "os/process.hpp"

#include <fcntl.h>
#include <linux/random.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "os/binding.hpp"
#include "os/pages.hpp"

// libc's own malloc, where libc tells it.
extern "C" [[gnu::weak]] void* __libc_malloc(size_t size);
// By which libc knows whose hooks around fork it must forget when a library goes: this one does
// not. A program that has the archive inside has its own.
// NOLINTNEXTLINE(readability-identifier-naming): the name is the C++ ABI's
extern "C" [[gnu::weak, gnu::visibility("hidden")]] void* const __dso_handle = nullptr;
// Where the image begins that this is linked into, and where it ends.
// NOLINTBEGIN(readability-identifier-naming): the names are the linker's
extern "C" {
[[gnu::visibility("hidden")]] extern const char __ehdr_start[];
[[gnu::visibility("hidden")]] extern const char _end[];
}
// NOLINTEND(readability-identifier-naming)

namespace arenite::os {
namespace {

const char* const k_empty_environment[] = {nullptr};

constinit pthread_key_t g_thread_key = 0;
// Where the process is remembered; where the kernel has no such page, its number.
constinit std::atomic<void*> g_wiped_page{nullptr};
constinit std::atomic<long> g_process{0};
// Set once the key is there: threads ask while another starts the library.
constinit std::atomic<bool> g_has_thread_key{false};

// Reads /proc/self/environ whole into fresh pages: strings first, then the list of pointers to
// them.
const char* const* read_environment_file() {
  const int saved = errno;
  const char* const* result = k_empty_environment;
  const int file =
      static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC));
  // Four megabytes and a little: the kernel's limit for arguments and environment is below that
  // unless the stack limit was raised beyond the usual.
  constexpr size_t k_room = 4 * k_mib;
  char* strings = file < 0 ? nullptr : static_cast<char*>(map(k_room));
  if (strings != nullptr) {
    size_t size = 0;
    while (size + 1 < k_room) {
      const long n = syscall(SYS_read, file, strings + size, k_room - 1 - size);
      if (n <= 0) break;
      size += static_cast<size_t>(n);
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += strings[i] == '\0' ? 1 : 0;
    const size_t list_size = align_up((count + 1) * sizeof(char*), page_size());
    auto** list = static_cast<const char**>(map(list_size));
    if (list != nullptr) {
      const char* next = strings;
      for (size_t i = 0; i < count; i++) {
        list[i] = next;
        while (*next++ != '\0') {
        }
      }
      result = list;
    }
  }
  if (file >= 0) syscall(SYS_close, file);
  errno = saved;
  return result;
}

}  // namespace

const char* const* environment() {
  if (getauxval(AT_SECURE) != 0) return k_empty_environment;
  if (environ != nullptr) return environ;
  return read_environment_file();
}

size_t processor_count() {
  const int saved = errno;
  // Room for 8,192 processors, the kernel's most.
  unsigned long mask[8192 / (8 * sizeof(unsigned long))] = {};
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
  errno = saved;
  size_t count = 0;
  for (size_t i = 0; bytes > 0 && i < static_cast<size_t>(bytes) / sizeof(mask[0]); i++) {
    count += count_bits(mask[i]);
  }
  return count == 0 ? 1 : count;
}

// A page of its own that the kernel wipes in the child of a fork (4.14): it costs no system call to
// look at.
ARENITE_COLD void remember_process() {
  auto* page = static_cast<std::atomic<size_t>*>(g_wiped_page.load(std::memory_order_relaxed));
  if (page == nullptr && g_process.load(std::memory_order_relaxed) == 0) {
    page = static_cast<std::atomic<size_t>*>(map_wiped_on_fork());
    g_wiped_page.store(page, std::memory_order_release);
  }
  if (page != nullptr) return page->store(1, std::memory_order_relaxed);
  g_process.store(syscall(SYS_getpid), std::memory_order_relaxed);
}

ARENITE_COLD bool is_remembered_process() {
  const void* page = g_wiped_page.load(std::memory_order_acquire);
  if (page != nullptr)
    return static_cast<const std::atomic<size_t>*>(page)->load(std::memory_order_relaxed) != 0;
  return g_process.load(std::memory_order_relaxed) == syscall(SYS_getpid);
}

uintptr_t secret() {
  const int saved = errno;
  uintptr_t value = 0;
  const long got = syscall(SYS_getrandom, &value, sizeof(value), GRND_NONBLOCK);
  if (got != static_cast<long>(sizeof(value))) {
    // No entropy yet, or the call is forbidden: the sixteen bytes that the kernel gave this process
    // at its start, stirred so that they say nothing of libc's own guards, which are made of them.
    const auto* words = at_address<uint64_t>(getauxval(AT_RANDOM));
    timespec now{};
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    uint64_t x = address_of(&now) ^ (static_cast<uint64_t>(now.tv_nsec) << 20);
    for (int i = 0; i < 2; i++) {
      if (words != nullptr) x ^= words[i];
      x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
      x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;
    }
    value = static_cast<uintptr_t>(x ^ (x >> 32));
  }
  errno = saved;
  return value;
}

bool libc_has_a_heap() {
#ifdef ARENITE_PREFIXED
  return false;  // a sanitizer's malloc is the process's
#else
  const auto* libcs = reinterpret_cast<const void*>(&__libc_malloc);
  return libcs != nullptr && bound_to("malloc") == libcs && libc_comes_first();
#endif
}

ARENITE_COLD bool is_in_this_image(const void* p) {
  return address_of(p) - address_of(__ehdr_start) < address_of(_end) - address_of(__ehdr_start);
}

ARENITE_COLD bool malloc_is_ours() {
#ifdef ARENITE_PREFIXED
  return true;  // it has another name
#else
  const void* processes = bound_to("malloc");
  return processes == nullptr || is_in_this_image(processes);
#endif
}

void on_fork(void (*prepare)(), void (*parent)(), void (*child)()) {
  pthread_atfork(prepare, parent, child);
}

void on_thread_exit(void (*leave)(void*)) {
  const bool has_key = pthread_key_create(&g_thread_key, leave) == 0;
  g_has_thread_key.store(has_key, std::memory_order_release);
}

#ifdef ARENITE_ARCHIVE
namespace {

constinit std::atomic<void (*)()> g_unload{nullptr};

// When the plugin that contains the archive is closed, and when the process ends. libc itself
// forgets the handlers of fork.
[[gnu::destructor]] void leave_process() {
  if (void (*const unload)() = g_unload.load(std::memory_order_acquire); unload != nullptr)
    unload();
  if (g_has_thread_key.exchange(false, std::memory_order_acq_rel)) pthread_key_delete(g_thread_key);
}

}  // namespace

void on_unload(void (*unload)()) {
  g_unload.store(unload, std::memory_order_release);
}
#else
void on_unload(void (*)()) {}
#endif

bool mark_thread(void* state) {
  return g_has_thread_key.load(std::memory_order_acquire) &&
         pthread_setspecific(g_thread_key, state) == 0;
}

}  // namespace arenite::os
