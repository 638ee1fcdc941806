#include "os/whose.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/process.hpp"

namespace arenite::os {
namespace {

struct Mapping {
  uintptr_t begin;
  uintptr_t end;
  char permissions[5];
  char name[256];  // cut off where it is longer; "" for anonymous memory

  bool has(uintptr_t address) const { return address - begin < end - begin; }
  bool is_file() const { return name[0] == '/'; }
  bool is_named(const char* what) const { return is_same(name, what); }
  bool may_be_read() const { return permissions[0] == 'r'; }
  bool may_be_written() const { return permissions[1] == 'w'; }
  bool is_shared() const { return permissions[3] == 's'; }
};

// /proc/self/maps, line by line.
class Mappings {
 public:
  Mappings() : file_(syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~Mappings() {
    if (file_ >= 0) syscall(SYS_close, file_);
  }
  Mappings(const Mappings&) = delete;
  Mappings& operator=(const Mappings&) = delete;

  // "7f00-7f10 rw-p 00000000 08:01 1234    /usr/lib/libc.so.6"
  bool next(Mapping& mapping) {
    mapping.begin = number();
    mapping.end = number();
    if (mapping.end == 0) return false;
    word(mapping.permissions, sizeof(mapping.permissions));
    char unused[2];
    for (int field = 0; field < 3; field++) word(unused, sizeof(unused));
    while (last_ == ' ') get();
    size_t length = 0;
    for (; last_ != '\n' && last_ != k_end; get()) {
      if (length + 1 < sizeof(mapping.name)) mapping.name[length++] = static_cast<char>(last_);
    }
    mapping.name[length] = '\0';
    return true;
  }

 private:
  static constexpr int k_end = -1;

  void get() {
    if (at_ == size_) {
      const long got = file_ < 0 ? 0 : syscall(SYS_read, file_, buffer_, sizeof(buffer_));
      at_ = 0;
      size_ = got > 0 ? static_cast<size_t>(got) : 0;
    }
    last_ = size_ == 0 ? k_end : static_cast<unsigned char>(buffer_[at_++]);
  }
  // A hexadecimal number and the character behind it.
  uintptr_t number() {
    uintptr_t n = 0;
    for (get(); last_ != k_end; get()) {
      const int c = last_;
      if (c >= '0' && c <= '9') {
        n = n << 4 | static_cast<uintptr_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        n = n << 4 | static_cast<uintptr_t>(c - 'a' + 10);
      } else {
        break;
      }
    }
    return n;
  }
  // The next word, of which as much is kept as fits; the character behind it is the last.
  void word(char* kept, size_t room) {
    size_t length = 0;
    for (get(); last_ != ' ' && last_ != '\n' && last_ != k_end; get()) {
      if (length + 1 < room) kept[length++] = static_cast<char>(last_);
    }
    kept[length] = '\0';
  }

  long file_;
  size_t at_ = 0;
  size_t size_ = 0;
  int last_ = ' ';
  char buffer_[1024];
};

// Whether what lies before p reads as the header of a chunk in use, as libc's malloc writes them.
bool looks_like_a_chunk(uintptr_t p, const Mapping& mapping) {
  constexpr size_t k_flags = 7;
  constexpr size_t k_in_use = 1;
  const uintptr_t chunk = p - 2 * k_word;
  if (!mapping.may_be_read() || !is_aligned(p, 2 * k_word) || !mapping.has(chunk)) return false;
  const size_t size = *at_address<size_t>(p - k_word) & ~k_flags;
  if (size < 4 * k_word || !is_aligned(size, 2 * k_word) || size > mapping.end - chunk - 2 * k_word)
    return false;
  const size_t next = *at_address<size_t>(chunk + size + k_word);
  return (next & k_in_use) != 0 && (next & ~k_flags) <= mapping.end - chunk - size;
}

void describe(Whereabouts& text, uintptr_t p, const Mapping& mapping, const Mapping& before) {
  const uintptr_t here = address_of(__builtin_frame_address(0));
  const bool is_chunk = looks_like_a_chunk(p, mapping);
  if (mapping.has(here)) {
    text << "it lies in the stack of this thread";
  } else if (mapping.is_named("[stack]")) {
    text << "it lies in the stack of the main thread";
  } else if (mapping.is_named("[heap]")) {
    text << (is_chunk
                 ? "it looks like a block of libc's own malloc, in the memory of the break"
                 : "it lies in memory of the break that the program, or another allocator, took");
  } else if (mapping.is_file()) {
    text << (mapping.is_shared()        ? "it lies in a shared mapping of "
             : mapping.may_be_written() ? "it lies in the data of "
                                        : "it lies in the code or constants of ")
         << mapping.name;
  } else if (mapping.name[0] == '[') {
    text << "it lies in " << mapping.name;
  } else if (mapping.name[0] == '\0' && before.is_file() && before.end == mapping.begin &&
             mapping.may_be_written()) {
    // What has no initial value comes behind what has.
    text << "it lies in the data of " << before.name;
  } else if (is_chunk && is_aligned(mapping.begin, k_granule)) {
    text << "it looks like a block of libc's own malloc, in an arena of a thread";
  } else if (!mapping.may_be_read()) {
    text << "it lies in memory that may not be read";
  } else {
    text << "it lies in anonymous memory: inside a large block, in another allocator's heap, in a "
            "mapping of the program's, or in a thread's stack";
  }
}

}  // namespace

Whereabouts whereabouts(const void* p) {
  Whereabouts text;
  Mappings mappings;
  Mapping mapping{};
  Mapping before{};
  bool has_any = false;
  while (mappings.next(mapping)) {
    has_any = true;
    if (mapping.has(address_of(p))) {
      describe(text, address_of(p), mapping, before);
      break;
    }
    before = mapping;
  }
  if (has_any && text.size() == 0) text << "nothing is mapped there";
  if (!malloc_is_ours()) {
    if (text.size() != 0) text << "; ";
    text << "malloc is another allocator's in this process";
  }
  return text;
}

}  // namespace arenite::os
