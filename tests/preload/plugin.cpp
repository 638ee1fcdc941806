// A library that programs load with dlopen. It allocates, and it has thread-local memory large
// enough that the dynamic linker must allocate it for each thread. Built twice: plain (its malloc
// is the program's) and with libarenite.a inside (its malloc is its own; nothing else sees that
// one).

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

#ifdef HAS_ARCHIVE
constexpr std::size_t k_scratch_size = 64;
#else
constexpr std::size_t k_scratch_size = 20'000;
#endif
alignas(64) thread_local unsigned char scratch[k_scratch_size];

constexpr char k_text[] = "made by the plugin";

// Lives as long as the library: built by dlopen, destroyed by dlclose. Not of std::string: what
// libstdc++ has of it calls the program's operators, not those of an archive in here.
std::vector<std::vector<char>> names(100, std::vector<char>(42, 'n'));

}  // namespace

extern "C" {

void* plugin_make(std::size_t size) {
  auto* block = static_cast<char*>(malloc(size + sizeof(k_text)));
  if (block != nullptr) memcpy(block, k_text, sizeof(k_text));
  return block;
}

int plugin_bytes_are_good(const void* block) {
  return memcmp(block, k_text, sizeof(k_text)) == 0 && names.size() >= 100;
}

void plugin_drop(void* block) {
  free(block);
}

// Allocates and frees in many sizes; returns how many bytes it had in use at the most.
std::size_t plugin_work(unsigned seed) {
  std::vector<std::unique_ptr<std::vector<unsigned>>> kept;
  std::size_t in_use = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    kept.push_back(std::make_unique<std::vector<unsigned>>((seed + i * 37) % 3000 + 1, i));
    in_use += kept.back()->size() * sizeof(unsigned);
    if (i % 3 == 0) kept[i / 2].reset();
  }
  for (unsigned i = 0; i < 2000; ++i) {
    if (kept[i] && (*kept[i])[0] != i) return 0;
  }
  return in_use;
}

unsigned char* plugin_scratch() {
  return scratch;
}

std::size_t plugin_scratch_size() {
  return k_scratch_size;
}

void* plugin_malloc_address() {
  return reinterpret_cast<void*>(&malloc);
}

}  // extern "C"
