#include "chunk/fault.hpp"

#include "chunk/arena.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

constexpr os::FaultWords k_words[] = {
#define FAULT(name, words, meaning) {words, meaning},
#include "chunk/fault.def"
};

}  // namespace

ARENITE_COLD void fault(Arena* locked, Fault which, const void* user, size_t size) {
  if (locked != nullptr) locked->abandon();
  os::die(k_words[static_cast<unsigned>(which)], user, size, "chunk");
}

}  // namespace arenite::chunk
