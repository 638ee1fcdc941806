#include "chunk/fault.hpp"

#include "chunk/arena.hpp"
#include "os/os.hpp"

namespace arenite::chunk {
namespace {

// No table: its pointers would have to be adjusted in every process.
os::FaultWords words_of(Fault which) {
  switch (which) {
#define FAULT(name, words, meaning) \
  case Fault::name:                 \
    return {words, meaning};
#include "chunk/fault.def"
  }
  return {"", ""};
}

}  // namespace

ARENITE_COLD void fault(Arena* locked, Fault which, const void* user, size_t size) {
  if (locked != nullptr) locked->abandon();
  os::die(words_of(which), user, size, "chunk");
}

}  // namespace arenite::chunk
