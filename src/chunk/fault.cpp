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

// Whether whose the address may be is a question at all, and what is known of it.
os::Place place_of(Fault which, const void* user) {
  switch (which) {
    case Fault::free_invalid_pointer:
    case Fault::realloc_invalid_pointer:
    case Fault::usable_invalid_pointer:
    case Fault::usable_invalid_size:
    case Fault::unmap_invalid_pointer:
    case Fault::remap_invalid_pointer:
      break;
    default:
      return os::Place::not_asked;
  }
  const bool is_ours = Arena::around(user) != nullptr || g_kind_map.at(user) != Kind::none;
  return is_ours ? os::Place::in_heap : os::Place::elsewhere;
}

}  // namespace

ARENITE_COLD void fault(Arena* locked, Fault which, const void* user, size_t size) {
  if (locked != nullptr) locked->abandon();
  os::die(words_of(which), user, size, "chunk", place_of(which, user));
}

}  // namespace arenite::chunk
