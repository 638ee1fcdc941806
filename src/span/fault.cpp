#include "span/fault.hpp"

#include "os/os.hpp"

namespace arenite::span {
namespace {

os::FaultWords words_of(Fault which) {
  switch (which) {
#define FAULT(name, words, meaning) \
  case Fault::name:                 \
    return {words, meaning};
#include "span/fault.def"
  }
  return {"", ""};
}

struct Place {
  bool is_freed;
  size_t block_bytes;  // 0: it lies in no block
};

// What is known of an address, from its region's first run on: linear, for the process ends here.
// Others may be changing runs meanwhile, so what does not add up ends the search.
Place place_of(const Region* r, const void* p) {
  const uint32_t wanted = Region::unit_at(p);
  for (uint32_t unit = 0; unit < r->reserve_begin;) {
    const Word w = r->word(unit);
    const uint32_t length = w & k_length;
    if (length == 0) break;
    if (wanted - unit < length) {
      const bool is_freed =
          !is_block(w) && (unit == wanted || !is_used(w)) && Region::is_at_unit(p);
      return {is_freed, is_used(w) ? size_t{length} << k_unit_shift : 0};
    }
    unit += length;
  }
  return {false, 0};
}

}  // namespace

ARENITE_COLD void fault(Fault which, const Region* r, const void* p) {
  const Place place = place_of(r, p);
  if (place.is_freed && which == Fault::free_invalid_pointer) which = Fault::double_free;
  if (place.is_freed && which == Fault::realloc_invalid_pointer) which = Fault::realloc_freed;
  const bool is_invalid = which != Fault::double_free && which != Fault::realloc_freed;
  os::die(words_of(which), p, place.block_bytes, "block",
          is_invalid ? os::Place::in_heap : os::Place::not_asked);
}

}  // namespace arenite::span
