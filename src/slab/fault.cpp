#include "slab/fault.hpp"

#include "os/os.hpp"

namespace arenite::slab {
namespace {

os::FaultWords words_of(Fault which) {
  switch (which) {
#define FAULT(name, words, meaning) \
  case Fault::name:                 \
    return {words, meaning};
#include "slab/fault.def"
  }
  return {"", ""};
}

}  // namespace

ARENITE_COLD void fault(Fault which, const Slab* slab, const void* user) {
  const size_t size = slab->block_count != 0 ? slab->size() : 0;
  os::die(words_of(which), user, size, "block");
}

}  // namespace arenite::slab
