// Natural numbers of any length for the factoriser: immutable, counted, one block each.
//
// A Number points to a block {references, length, limbs...} from malloc; every operation takes a
// new block and copies share one. Limbs are 32 bits, least first, without leading zeros. Division
// is the schoolbook's, with Knuth's estimate of a digit. Differences of unequal sign and division
// by zero are the caller's mistake.
#pragma once

#include <compare>
#include <utility>

#include "common.hpp"

class Number {
 public:
  explicit Number(std::uint64_t value) : body_(make(2)) {
    limbs()[0] = static_cast<std::uint32_t>(value);
    limbs()[1] = static_cast<std::uint32_t>(value >> 32U);
    trim();
  }
  Number(const Number& other) : body_(other.body_) { ++body_->references; }
  Number(Number&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  Number& operator=(Number other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~Number() {
    if (body_ != nullptr && --body_->references == 0) std::free(body_);
  }

  static std::uint64_t taken() { return taken_; }
  [[nodiscard]] std::uint32_t length() const { return body_->length; }
  [[nodiscard]] bool is(std::uint32_t value) const {
    return value == 0 ? length() == 0 : length() == 1 && limbs()[0] == value;
  }
  [[nodiscard]] std::uint32_t limb(std::uint32_t i) const { return i < length() ? limbs()[i] : 0; }

  friend bool operator==(const Number& a, const Number& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Number& a, const Number& b) {
    if (a.length() != b.length()) return a.length() <=> b.length();
    for (std::uint32_t i = a.length(); i-- > 0;) {
      if (a.limb(i) != b.limb(i)) return a.limb(i) <=> b.limb(i);
    }
    return std::strong_ordering::equal;
  }

  friend Number operator+(const Number& a, const Number& b) {
    Number sum{Sized{std::max(a.length(), b.length()) + 1}};
    std::uint64_t carry = 0;
    for (std::uint32_t i = 0; i < sum.length(); ++i) {
      carry += std::uint64_t{a.limb(i)} + b.limb(i);
      sum.limbs()[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
    sum.trim();
    return sum;
  }
  friend Number operator-(const Number& a, const Number& b) {
    Number difference{Sized{a.length()}};
    std::int64_t borrow = 0;
    for (std::uint32_t i = 0; i < a.length(); ++i) {
      const std::int64_t digit = std::int64_t{a.limb(i)} - b.limb(i) + borrow;
      difference.limbs()[i] = static_cast<std::uint32_t>(digit);
      borrow = digit >> 32U;
    }
    if (borrow != 0) bench::fail("a difference below zero");
    difference.trim();
    return difference;
  }
  friend Number operator*(const Number& a, const Number& b) {
    Number product{Sized{a.length() + b.length()}};
    std::fill_n(product.limbs(), product.length(), 0U);
    for (std::uint32_t i = 0; i < a.length(); ++i) {
      std::uint64_t carry = 0;
      for (std::uint32_t k = 0; k < b.length(); ++k) {
        carry += std::uint64_t{a.limb(i)} * b.limb(k) + product.limbs()[i + k];
        product.limbs()[i + k] = static_cast<std::uint32_t>(carry);
        carry >>= 32U;
      }
      product.limbs()[i + b.length()] = static_cast<std::uint32_t>(carry);
    }
    product.trim();
    return product;
  }
  friend Number operator/(const Number& a, const Number& b) { return divide(a, b).first; }
  friend Number operator%(const Number& a, const Number& b) { return divide(a, b).second; }
  friend std::uint32_t remainder(const Number& a, std::uint32_t divisor) {
    std::uint64_t rest = 0;
    for (std::uint32_t i = a.length(); i-- > 0;) rest = (rest << 32U | a.limb(i)) % divisor;
    return static_cast<std::uint32_t>(rest);
  }
  friend Number quotient(const Number& a, std::uint32_t divisor) {
    Number result{Sized{a.length()}};
    std::uint64_t rest = 0;
    for (std::uint32_t i = a.length(); i-- > 0;) {
      rest = rest << 32U | a.limb(i);
      result.limbs()[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    result.trim();
    return result;
  }

 private:
  struct Body {
    std::uint32_t references;
    std::uint32_t length;
  };
  struct Sized {
    std::uint32_t length;
  };

  explicit Number(Sized sized) : body_(make(sized.length)) {}
  static Body* make(std::uint32_t length) {
    ++taken_;
    auto* body = static_cast<Body*>(bench::allocate(sizeof(Body) + 4 * std::size_t{length}));
    *body = {1, length};
    return body;
  }
  [[nodiscard]] std::uint32_t* limbs() const { return reinterpret_cast<std::uint32_t*>(body_ + 1); }
  void trim() {
    while (body_->length > 0 && limbs()[body_->length - 1] == 0) --body_->length;
  }
  static Number shifted_left(const Number& a, unsigned bits) {
    Number result{Sized{a.length() + 1}};
    std::uint64_t carry = 0;
    for (std::uint32_t i = 0; i < result.length(); ++i) {
      carry |= std::uint64_t{a.limb(i)} << bits;
      result.limbs()[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
    return result;  // untrimmed: division wants the extra limb
  }

  static std::pair<Number, Number> divide(const Number& a, const Number& b) {
    if (a < b) return {Number(0), a};
    if (b.length() == 1) return {quotient(a, b.limb(0)), Number(remainder(a, b.limb(0)))};
    const auto bits = static_cast<unsigned>(__builtin_clz(b.limb(b.length() - 1)));
    Number rest = shifted_left(a, bits);
    Number divisor = shifted_left(b, bits);
    divisor.trim();
    const std::uint32_t n = divisor.length();
    Number result{Sized{rest.length() - n}};
    for (std::uint32_t k = rest.length() - n; k-- > 0;) {
      result.limbs()[k] = next_digit(rest.limbs() + k, divisor.limbs(), n);
    }
    result.trim();
    std::uint64_t carry = 0;  // the remainder back by `bits`
    for (std::uint32_t i = rest.length(); i-- > 0;) {
      carry = carry << 32U | rest.limbs()[i];
      rest.limbs()[i] = static_cast<std::uint32_t>(carry >> bits);
      carry &= (std::uint64_t{1} << bits) - 1;
    }
    rest.trim();
    return {std::move(result), std::move(rest)};
  }

  // Subtracts the largest multiple of `divisor` from the n+1 limbs at `rest`; gives the multiple.
  static std::uint32_t next_digit(std::uint32_t* rest, const std::uint32_t* divisor,
                                  std::uint32_t n) {
    const std::uint64_t top = std::uint64_t{rest[n]} << 32U | rest[n - 1];
    std::uint64_t digit = std::min<std::uint64_t>(top / divisor[n - 1], 0xffffffffU);
    std::int64_t borrow = 0;
    std::uint64_t carry = 0;
    for (std::uint32_t i = 0; i <= n; ++i) {
      carry += i < n ? digit * divisor[i] : 0;
      borrow += std::int64_t{rest[i]} - static_cast<std::uint32_t>(carry);
      rest[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32U;
      carry >>= 32U;
    }
    while (borrow != 0) {  // the estimate was one or two too large
      --digit;
      std::uint64_t sum = 0;
      for (std::uint32_t i = 0; i <= n; ++i) {
        sum += std::uint64_t{rest[i]} + (i < n ? divisor[i] : 0);
        rest[i] = static_cast<std::uint32_t>(sum);
        sum >>= 32U;
      }
      borrow += static_cast<std::int64_t>(sum);
    }
    return static_cast<std::uint32_t>(digit);
  }

  Body* body_;
  static inline std::uint64_t taken_ = 0;
};

inline Number square_root(const Number& n) {
  Number guess(1);
  while (guess * guess < n) guess = guess + guess;
  for (;;) {  // Newton from above: falls until it stands
    Number next = quotient(guess + n / guess, 2);
    if (!(next < guess)) return guess;
    guess = std::move(next);
  }
}

inline Number greatest_common_divisor(Number a, Number b) {
  while (!b.is(0)) {
    Number rest = a % b;
    a = std::exchange(b, std::move(rest));
  }
  return a;
}
