#include "span/page_bits.hpp"

#include <bit>

namespace arenite::span {

uint32_t PageBits::find(uint32_t page, uint32_t end, bool value) const {
  while (page < end) {
    const uint64_t wanted = (value ? words_[page / 64] : ~words_[page / 64]) >> (page % 64);
    if (wanted != 0) {
      const uint32_t found = page + static_cast<uint32_t>(std::countr_zero(wanted));
      return found < end ? found : end;
    }
    page = (page / 64 + 1) * 64;
  }
  return end;
}

Pages PageBits::longest_clear(Pages p) const {
  Pages longest;
  for (uint32_t page = p.begin; page < p.end;) {
    const uint32_t begin = find(page, p.end, false);
    page = find(begin, p.end, true);
    if (page - begin > longest.count()) longest = {begin, page};
  }
  return longest;
}

uint32_t PageBits::last_set(Pages& p, uint32_t most) const {
  uint32_t n = 0;
  uint32_t begin = p.end;
  uint32_t end = 0;
  while (begin > p.begin && n < most) {
    const uint32_t word = (begin - 1) / 64;
    uint64_t ones = words_[word] & ~uint64_t{0} >> (63 - (begin - 1) % 64);
    if (word == p.begin / 64) ones &= ~uint64_t{0} << (p.begin % 64);
    begin = word * 64;
    for (; ones != 0 && n < most; n++) {
      const auto bit = static_cast<uint32_t>(63 - std::countl_zero(ones));
      begin = word * 64 + bit;
      if (n == 0) end = begin + 1;
      ones &= ~(uint64_t{1} << bit);
    }
  }
  if (begin < p.begin) begin = p.begin;
  p = {find(begin, end, true), end};
  return n;
}

}  // namespace arenite::span
