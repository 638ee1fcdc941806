#include "os/clock.hpp"

#include <link.h>
#include <sys/auxv.h>
#include <ctime>
#include <string_view>

namespace arenite::os {
namespace {

using ReadClock = int (*)(clockid_t, timespec*);

int first_reading(clockid_t clock, timespec* now);

// clock_gettime, the kernel's own once somebody has asked.
constinit std::atomic<ReadClock> g_read_clock{first_reading};

int first_reading(clockid_t clock, timespec* now) {
  // On 32-bit its times may be shorter than ours.
  void* kernels = sizeof(time_t) != sizeof(void*) ? nullptr
#if defined(__aarch64__)
                                                  : kernels_function("__kernel_clock_gettime");
#else
                                                  : kernels_function("__vdso_clock_gettime");
#endif
  const ReadClock read = kernels == nullptr ? clock_gettime : reinterpret_cast<ReadClock>(kernels);
  g_read_clock.store(read, std::memory_order_relaxed);
  return read(clock, now);
}

// Where the kernel has no function for it.
long coarse_second(long*) {
  timespec now{};
  g_read_clock.load(std::memory_order_relaxed)(CLOCK_REALTIME_COARSE, &now);
  return static_cast<long>(now.tv_sec);
}

// The first call looks for the kernel's.
long first_second(long*) {
  void* kernels = kernels_function("__vdso_time");
  const auto second =
      kernels == nullptr ? coarse_second : reinterpret_cast<long (*)(long*)>(kernels);
  g_second.store(second, std::memory_order_relaxed);
  return second(nullptr);
}

}  // namespace

ARENITE_COLD uint64_t nanoseconds() {
  timespec now{};
  // It cannot fail: errno stays.
  g_read_clock.load(std::memory_order_relaxed)(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint32_t>(now.tv_nsec);
}

constinit std::atomic<long (*)(long*)> g_second{first_second};

uint64_t coarse_milliseconds() {
  timespec now{};
  // It cannot fail: errno stays.
  g_read_clock.load(std::memory_order_relaxed)(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint32_t>(now.tv_nsec) / 1'000'000;
}

void* kernels_function(const char* name) {
  const auto* image = at_address<const ElfW(Ehdr)>(getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return nullptr;
  // What the image calls an address is that much less than where it lies.
  uintptr_t shift = address_of(image);
  const ElfW(Dyn)* entry = nullptr;
  const auto* segments = beyond<const ElfW(Phdr)>(image, static_cast<ptrdiff_t>(image->e_phoff));
  for (unsigned i = 0; i < image->e_phnum; i++) {
    if (segments[i].p_type == PT_LOAD) shift += segments[i].p_offset - segments[i].p_vaddr;
    if (segments[i].p_type == PT_DYNAMIC)
      entry = beyond<const ElfW(Dyn)>(image, static_cast<ptrdiff_t>(segments[i].p_offset));
  }
  const char* names = nullptr;
  const ElfW(Sym)* symbols = nullptr;
  const uint32_t* hash = nullptr;
  for (; entry != nullptr && entry->d_tag != DT_NULL; entry++) {
    const uintptr_t at = shift + entry->d_un.d_ptr;
    if (entry->d_tag == DT_STRTAB) names = at_address<const char>(at);
    if (entry->d_tag == DT_SYMTAB) symbols = at_address<const ElfW(Sym)>(at);
    if (entry->d_tag == DT_HASH) hash = at_address<const uint32_t>(at);
  }
  if (names == nullptr || symbols == nullptr || hash == nullptr) return nullptr;
  const uint32_t symbol_count = hash[1];
  for (uint32_t i = 0; i < symbol_count; i++) {
    if (symbols[i].st_shndx != SHN_UNDEF && std::string_view(names + symbols[i].st_name) == name)
      return at_address<void>(shift + symbols[i].st_value);
  }
  return nullptr;
}

}  // namespace arenite::os
