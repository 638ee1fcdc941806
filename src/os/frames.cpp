#include "os/frames.hpp"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <cstring>

#include "os/pages.hpp"
#include "os/process.hpp"
#include "os/program.hpp"
#include "os/stderr.hpp"

namespace arenite::os {

constinit std::atomic<bool> g_shows_frames{false};

namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Dynamic = ElfW(Dyn);
using Symbol = ElfW(Sym);

constexpr size_t k_most_frames = 64;

// A loaded program or library.
struct Module {
  const char* name;
  uintptr_t bias;  // what the linker added to each address in the file
  const Segment* segments;
  size_t segment_count;
  const Dynamic* dynamic;

  const Segment* segment_of(uintptr_t address) const {
    for (size_t i = 0; i < segment_count; i++) {
      const Segment& s = segments[i];
      if (s.p_type == PT_LOAD && address - (bias + s.p_vaddr) < s.p_memsz) return &s;
    }
    return nullptr;
  }
  bool has_code_at(uintptr_t address) const {
    const Segment* segment = segment_of(address);
    return segment != nullptr && (segment->p_flags & PF_X) != 0;
  }
};

// What the kernel and the dynamic linker know of the process's modules.
class Modules {
 public:
  Modules() {
    program_ = {name_.c_str(), 0, at_address<const Segment>(getauxval(AT_PHDR)),
                getauxval(AT_PHNUM), nullptr};
    for (size_t i = 0; i < program_.segment_count; i++) {
      const Segment& s = program_.segments[i];
      if (s.p_type == PT_PHDR) program_.bias = address_of(program_.segments) - s.p_vaddr;
    }
    for (size_t i = 0; i < program_.segment_count; i++) {
      const Segment& s = program_.segments[i];
      if (s.p_type == PT_DYNAMIC)
        program_.dynamic = at_address<const Dynamic>(program_.bias + s.p_vaddr);
    }
    const auto* debug = at_address<const r_debug>(find(program_.dynamic, DT_DEBUG));
    // The first is the program.
    if (debug != nullptr && debug->r_map != nullptr) libraries_ = debug->r_map->l_next;
  }

  const Module& program() const { return program_; }

  // Calls visit(module) for each, until one returns true.
  template <typename Visit>
  bool any_of(Visit visit) const {
    if (program_.segments != nullptr && visit(program_)) return true;
    for (const link_map* map = libraries_; map != nullptr; map = map->l_next) {
      const auto* header = at_address<const Header>(map->l_addr);
      if (!is_readable(header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) continue;
      const Module module{map->l_name, map->l_addr,
                          at_address<const Segment>(map->l_addr + header->e_phoff), header->e_phnum,
                          map->l_ld};
      if (visit(module)) return true;
    }
    return false;
  }

  // A function that one of them exports; nullptr if none does.
  void* find_function(const char* name) const {
    void* found = nullptr;
    any_of([&](const Module& module) {
      found = find_function(module, name);
      return found != nullptr;
    });
    return found;
  }

 private:
  static uintptr_t find(const Dynamic* dynamic, long tag) {
    for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; dynamic++) {
      if (dynamic->d_tag == tag) return dynamic->d_un.d_ptr;
    }
    return 0;
  }
  // glibc has added the bias to these, other linkers have not.
  template <typename T>
  static const T* find_table(const Module& module, long tag) {
    const uintptr_t at = find(module.dynamic, tag);
    return at_address<const T>(at == 0 || at >= module.bias ? at : at + module.bias);
  }

  static void* find_function(const Module& module, const char* name) {
    const auto* symbols = find_table<Symbol>(module, DT_SYMTAB);
    const char* strings = find_table<char>(module, DT_STRTAB);
    const auto* hashes = find_table<uint32_t>(module, DT_GNU_HASH);
    if (symbols == nullptr || strings == nullptr || hashes == nullptr) return nullptr;
    // Four numbers, a Bloom filter, the buckets, and for each symbol its hash, the lowest bit of
    // which ends a bucket's chain.
    const uint32_t bucket_count = hashes[0];
    const uint32_t first = hashes[1];
    const uint32_t* buckets = hashes + 4 + hashes[2] * (sizeof(uintptr_t) / sizeof(uint32_t));
    const uint32_t* chain = buckets + bucket_count;
    uint32_t hash = 5381;
    for (const char* c = name; *c != '\0'; c++) hash = hash * 33 + static_cast<unsigned char>(*c);
    if (bucket_count == 0) return nullptr;
    for (uint32_t i = buckets[hash % bucket_count]; i >= first && i != 0; i++) {
      const Symbol& symbol = symbols[i];
      if ((chain[i - first] | 1) == (hash | 1) && symbol.st_shndx != SHN_UNDEF &&
          is_same(strings + symbol.st_name, name))
        return at_address<void>(module.bias + symbol.st_value);
      if ((chain[i - first] & 1) != 0) break;
    }
    return nullptr;
  }

  const Text<64> name_ = program_name();
  Module program_{};
  const link_map* libraries_ = nullptr;
};

// One walk: which frames are shown, and how many were.
class Walk {
 public:
  explicit Walk(const Modules& modules) : modules_(modules) {}

  // Of a return address; false when there are enough. This library's own frames come first, and are
  // left out where they can be told from the program's.
  bool show(uintptr_t return_address) {
    const uintptr_t call = return_address - 1;
    if (count_ == 0 && is_own(call)) return true;
    Text<320> line;
    line << "  #" << count_++ << " ";
    const bool has_module = modules_.any_of([&](const Module& module) {
      if (module.segment_of(call) == nullptr) return false;
      line << base_name(module.name) << "+" << Hex{call - module.bias};
      return true;
    });
    if (!has_module) line << Hex{call};
    line << "\n";
    write_stderr(line);
    return count_ < k_most_frames;
  }
  bool has_shown() const { return count_ != 0; }

  // Whether this is where a call returns to, by somebody else or by this library.
  bool is_foreign_return(uintptr_t address) const {
    return !is_own(address - 1) && is_return(address);
  }
  bool is_own_return(uintptr_t address) const { return is_own(address - 1) && is_return(address); }
  // The dynamic linker leaves such words below each first call of a function that it looks up.
  bool is_linkers(uintptr_t address) const {
    const uintptr_t linker = getauxval(AT_BASE);
    return modules_.any_of([&](const Module& m) {
      return m.bias == linker && m.bias != 0 && m.segment_of(address - 1) != nullptr;
    });
  }

 private:
  bool is_return(uintptr_t address) const {
    const bool is_code =
        modules_.any_of([&](const Module& m) { return m.has_code_at(address - 1); });
#if defined(__x86_64__) || defined(__i386__)
    if (!is_code || !is_readable(at_address<void>(address - 8))) return false;
    // call rel32, or call through a register or memory in one of its lengths
    const auto* code = at_address<const uint8_t>(address);
    return code[-5] == 0xe8 || code[-2] == 0xff || code[-3] == 0xff || code[-6] == 0xff ||
           code[-7] == 0xff;
#else
    return is_code;
#endif
  }
  bool is_own(uintptr_t address) const {
    return is_in_this_image(at_address<void>(address)) &&
           modules_.program().segment_of(address) == nullptr;
  }

  const Modules& modules_;
  size_t count_ = 0;
};

// The C++ ABI's unwinder, in libgcc_s or in libunwind.
using Context = struct UnwindContext;
using Trace = int (*)(Context*, void*);
constexpr int k_go_on = 0;  // _URC_NO_REASON
constexpr int k_stop = 4;   // _URC_NORMAL_STOP
uintptr_t (*g_get_ip)(Context*);

int show_frame(Context* context, void* walk) {
  const uintptr_t ip = g_get_ip(context);  // 0 where the stack ends
  return ip != 0 && static_cast<Walk*>(walk)->show(ip) ? k_go_on : k_stop;
}

bool unwind(const Modules& modules, Walk& walk) {
  auto* backtrace =
      reinterpret_cast<int (*)(Trace, void*)>(modules.find_function("_Unwind_Backtrace"));
  g_get_ip = reinterpret_cast<uintptr_t (*)(Context*)>(modules.find_function("_Unwind_GetIP"));
  if (backtrace == nullptr || g_get_ip == nullptr) return false;
  backtrace(show_frame, &walk);
  return walk.has_shown();
}

// A saved frame pointer and the return address above it.
struct Frame {
  const Frame* next;
  uintptr_t return_address;
};

bool is_frame(const Walk& walk, const Frame* frame, const void* above) {
  constexpr size_t k_largest_frame = 1024 * 1024;
  return is_aligned(address_of(frame), k_word) && frame > above &&
         address_of(frame) - address_of(above) < k_largest_frame && is_readable(frame) &&
         is_readable(&frame->return_address) && walk.is_foreign_return(frame->return_address);
}

// Our functions keep no frame pointer, but may have saved their caller's: so whatever of the stack
// up to the caller's call could be one is tried. That call is the first above the last of ours, and
// lies below the first frame: in between, and in what the frames above have not written yet, words
// may be left of calls that are over.
void follow_frame_pointers(Walk& walk) {
  constexpr size_t k_most_words = 1024;
  const auto* stack = static_cast<const uintptr_t*>(__builtin_frame_address(0));
  size_t words = 0;
  size_t end = k_most_words;
  size_t called_at = 0;
  for (; words < end && is_readable(stack + words); words++) {
    const auto* first = at_address<const Frame>(stack[words]);
    if (end == k_most_words && is_frame(walk, first, stack + words)) {
      const size_t below = (address_of(first) - address_of(stack)) / k_word;
      if (below < end) end = below;
    }
    if (walk.is_own_return(stack[words])) called_at = words + 1;
  }
  while (called_at < words &&
         (!walk.is_foreign_return(stack[called_at]) || walk.is_linkers(stack[called_at])))
    called_at++;
  if (called_at == words) return;
  walk.show(stack[called_at]);
  const Frame* frame = nullptr;
  for (size_t i = called_at; i-- > 0 && frame == nullptr;) {
    const auto* candidate = at_address<const Frame>(stack[i]);
    if (is_frame(walk, candidate, stack + called_at)) frame = candidate;
  }
  while (frame != nullptr && walk.show(frame->return_address))
    frame = is_frame(walk, frame->next, frame) ? frame->next : nullptr;
}

}  // namespace

void show_frames() {
  const Modules modules;
  Walk walk(modules);
  if (!unwind(modules, walk)) follow_frame_pointers(walk);
}

}  // namespace arenite::os
