#include "slab/fault.hpp"

#include "os/os.hpp"

namespace arenite::slab {
namespace {

constexpr os::FaultWords k_words[] = {
#define FAULT(name, words, meaning) {words, meaning},
#include "slab/fault.def"
};

}  // namespace

ARENITE_COLD void fault(Fault which, const Slab* slab, const void* user) {
  const size_t size = slab->block_count != 0 ? slab->size() : 0;
  os::die(k_words[static_cast<unsigned>(which)], user, size, "block");
}

}  // namespace arenite::slab
