#include "chunk/fault.hpp"

#include "chunk/arena.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

struct Words {
  const char* what;
  const char* meaning;
};

constexpr Words k_words[] = {
#define FAULT(name, words, meaning) {words, meaning},
#include "chunk/fault.def"
};

}  // namespace

ARENITE_COLD void fault(Arena* locked, Fault which, const void* user, size_t size) {
  const Words& words = k_words[static_cast<unsigned>(which)];
  Text<256> line;
  line << "arenite: " << words.what << ": " << Hex{address_of(user)};
  if (size != 0) line << " (" << size << "-byte chunk)";
  line << ": " << words.meaning << "\n";
  if (locked != nullptr) locked->abandon();
  os::die(line.c_str(), line.size());
}

}  // namespace arenite::chunk
