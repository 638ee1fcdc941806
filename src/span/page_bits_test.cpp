// PageBits: stretches of bits over words' borders, against a plain array.
#include "span/page_bits.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace arenite::span {
namespace {

class SpanPageBitsTest : public testing::Test {
 protected:
  uint32_t below(uint32_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>((state_ >> 11) % n);
  }
  Pages some() {
    const uint32_t begin = below(k_looked_at + 1);
    return {begin, begin + below(k_looked_at - begin + 1)};
  }
  uint32_t count(Pages p) const {
    uint32_t n = 0;
    for (uint32_t i = p.begin; i < p.end; i++) n += plain_[i] ? 1 : 0;
    return n;
  }
  void fill(Pages p, bool value) {
    for (uint32_t i = p.begin; i < p.end; i++) plain_[i] = value;
  }

  static constexpr uint32_t k_looked_at = 200;
  uint64_t state_ = 88172645463325252;
  const std::unique_ptr<PageBits> bits_ = std::make_unique<PageBits>();  // all clear
  std::vector<bool> plain_ = std::vector<bool>(k_looked_at);
};

TEST_F(SpanPageBitsTest, setting_clearing_and_counting_agree_with_a_plain_array) {
  for (int i = 0; i < 20000; i++) {
    const Pages p = some();
    ASSERT_EQ(bits_->count(p), count(p));
    if (below(2) == 0) {
      const uint32_t fresh = p.count() - count(p);
      ASSERT_EQ(bits_->set(p), fresh);
      fill(p, true);
    } else {
      bits_->clear(p);
      fill(p, false);
    }
    for (uint32_t page = 0; page < k_looked_at; page++) ASSERT_EQ(bits_->has(page), plain_[page]);
  }
}

TEST_F(SpanPageBitsTest, the_longest_clear_stretch_is_clear_and_none_is_longer) {
  for (int i = 0; i < 5000; i++) {
    const Pages set = some();
    if (set.count() < 40) {
      bits_->set(set);
      fill(set, true);
    } else {
      bits_->clear(set);
      fill(set, false);
    }
    const Pages p = some();
    const Pages longest = bits_->longest_clear(p);
    uint32_t most = 0;
    uint32_t run = 0;
    for (uint32_t page = p.begin; page < p.end; page++) {
      run = plain_[page] ? 0 : run + 1;
      most = run > most ? run : most;
    }
    ASSERT_EQ(longest.count(), most);
    ASSERT_EQ(count(longest), 0U);
    if (most != 0) {
      ASSERT_TRUE(longest.begin >= p.begin && longest.end <= p.end);
    }
  }
}

TEST_F(SpanPageBitsTest, the_last_set_bits_are_as_many_as_wanted_and_end_with_the_last) {
  for (int i = 0; i < 20000; i++) {
    const Pages set = some();
    (below(3) == 0) ? (void)bits_->set(set) : bits_->clear(set);
    fill(set, bits_->has(set.begin) && set.count() != 0);
    for (uint32_t page = 0; page < k_looked_at; page++) plain_[page] = bits_->has(page);
    const Pages p = some();
    const uint32_t all = count(p);
    if (all == 0) continue;
    const uint32_t most = 1 + below(70);
    Pages last = p;
    ASSERT_EQ(bits_->last_set(last, most), all < most ? all : most);
    ASSERT_TRUE(last.begin >= p.begin && last.end <= p.end && last.count() != 0);
    ASSERT_EQ(count(last), all < most ? all : most);
    ASSERT_TRUE(plain_[last.begin] && plain_[last.end - 1]);
    ASSERT_EQ(count({last.end, p.end}), 0U);
  }
}

}  // namespace
}  // namespace arenite::span
