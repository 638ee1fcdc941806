// What a case can learn about its own process from the kernel, and how it starts itself anew.
//
// The kernel's view is what the promises are about: which pages are mapped and how, how large the
// process is, where its break lies. All of it is read without allocating.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace behaviour {

constexpr std::size_t operator""_KiB(unsigned long long n) {
  return n * 1024;
}
constexpr std::size_t operator""_MiB(unsigned long long n) {
  return n * 1024 * 1024;
}

struct Mapping {
  std::uintptr_t start;
  std::uintptr_t end;
  char permissions[5];
  char name[256];
};

// Calls visit(mapping) for each line of /proc/self/maps, lowest address first.
void for_each_mapping(void (*visit)(const Mapping&, void*), void* context);

// The mapping an address lies in, or one with start == end == 0.
Mapping mapping_of(const void* p);

// How many bytes from p on are mapped with exactly these permissions, across neighbouring mappings.
std::size_t bytes_mapped_from(const void* p, const char* permissions);

bool is_mapped(const void* p);

std::size_t status_bytes(const char* field);  // "VmSize", "VmRSS", "VmData" of /proc/self/status

// What can be written, of the process's own ("VmData"), once the allocator has made room for small
// blocks. From then on it grows by what blocks cost, and does not where blocks are used again; the
// address space that is merely reserved for them does not count.
std::size_t data_once_settled();

std::uintptr_t program_break();

// Number of arenas, as malloc_info tells it.
int count_arenas();

bool mode_is_classic();

// Of every block: 16, but 8 where the 32-bit library shows the classic layout.
std::size_t promised_alignment();

bool library_is_a_stand_in();  // some other allocator is being measured by these cases

// Starts this program's case anew with these variables set ("NAME=value"), and returns there.
void rerun_with(std::initializer_list<const char*> variables);

// Waits for a child that must end with exit status 0.
void expect_good_end(pid_t child, const char* file, int line);

// Leaves about this much address space (RLIMIT_AS) or data (RLIMIT_DATA) to the process.
void limit_address_space_to_present_plus(std::size_t bytes);
void limit_data_to_present_plus(std::size_t bytes);
void lift_limits();

}  // namespace behaviour

#define EXPECT_GOOD_END(child) ::behaviour::expect_good_end(child, __FILE__, __LINE__)
