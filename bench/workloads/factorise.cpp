// An integer factoriser that allocates each number it computes.
//
// Continued fractions (Morrison and Brillhart): the expansion of sqrt(kN) gives residues Q about
// the size of sqrt(N) with A*A = +-Q modulo N; those that split over a base of small primes become
// rows of a matrix over two elements, and a dependency among rows gives X*X = Y*Y modulo N.
// Numbers are immutable and counted (number.hpp), every sum, product and quotient is a block of 16
// to 80 bytes that dies young: a language run-time's arithmetic, written in C.
#include "number.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "common.hpp"

namespace {

struct Composite {
  std::uint64_t p;
  std::uint64_t q;
};

// Products of two primes, 24 to 27 digits each.
constexpr std::array<Composite, 8> k_composites{{
    {1553375297707U, 24901629544531U},
    {3534284621759U, 4124426162669U},
    {1022912818943U, 23930791821949U},
    {2799352319669U, 39672780975077U},
    {859300910399U, 28395343039549U},
    {2177535513359U, 17668461099929U},
    {247834473659U, 34549322629397U},
    {2903196913763U, 2486738195849U},
}};

std::uint64_t power_mod(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
  std::uint64_t result = 1;
  for (base %= modulus; exponent != 0; exponent >>= 1U, base = base * base % modulus) {
    if ((exponent & 1U) != 0) result = result * base % modulus;
  }
  return result;
}

bool is_small_prime(std::uint32_t n) {
  for (std::uint32_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n >= 2;
}

// The primes modulo which `kn` is a square: only these can divide a residue.
std::vector<std::uint32_t> make_base(const Number& kn, std::size_t length) {
  std::vector<std::uint32_t> base{2};
  for (std::uint32_t p = 3; base.size() < length; p += 2) {
    if (!is_small_prime(p)) continue;
    const std::uint32_t residue = remainder(kn, p);
    if (residue == 0 || power_mod(residue, (p - 1) / 2, p) == 1) base.push_back(p);
  }
  return base;
}

struct Relation {
  Number a;                             // a * a = product of base[i] ^ exponents[i] modulo N
  std::vector<std::uint8_t> exponents;  // the sign stands first
  std::vector<std::uint64_t> parity;    // the exponents modulo 2
  std::vector<std::uint64_t> history;   // which relations were added into this row
};

bool split(Number residue, const std::vector<std::uint32_t>& base,
           std::vector<std::uint8_t>& exponents) {
  for (std::size_t i = 0; i < base.size(); ++i) {
    while (remainder(residue, base[i]) == 0) {
      residue = quotient(residue, base[i]);
      ++exponents[i + 1];
    }
  }
  return residue.is(1);
}

std::vector<Relation> collect(const Number& n, const Number& kn,
                              const std::vector<std::uint32_t>& base, std::size_t wanted) {
  std::vector<Relation> relations;
  const Number root = square_root(kn);
  Number p = root;
  Number q_before(1);
  Number q = kn - root * root;
  Number a_before(1);
  Number a = root % n;
  for (std::uint32_t step = 1; relations.size() < wanted && step < 3'000'000; ++step) {
    if (q.is(0) || q.is(1)) break;  // the expansion repeats: this multiplier is spent
    std::vector<std::uint8_t> exponents(base.size() + 1);
    if (split(q, base, exponents)) {
      exponents[0] = static_cast<std::uint8_t>(step & 1U);
      relations.push_back({a, std::move(exponents), {}, {}});
    }
    const Number digit = (root + p) / q;
    Number a_next = (digit * a + a_before) % n;
    a_before = std::exchange(a, std::move(a_next));
    Number p_next = digit * q - p;
    Number q_next = p < p_next ? q_before - digit * (p_next - p) : q_before + digit * (p - p_next);
    q_before = std::exchange(q, std::move(q_next));
    p = std::move(p_next);
  }
  return relations;
}

std::optional<Number> factor_of(const Number& n, const std::vector<std::uint32_t>& base,
                                const std::vector<Relation>& all, const Relation& row) {
  Number x(1);
  std::vector<std::uint32_t> total(base.size() + 1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((row.history[i / 64] >> (i % 64) & 1U) == 0) continue;
    x = x * all[i].a % n;
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += all[i].exponents[k];
  }
  Number y(1);
  for (std::size_t k = 1; k < total.size(); ++k) {
    for (std::uint32_t e = 0; e < total[k] / 2; ++e) y = y * Number(base[k - 1]) % n;
  }
  const Number difference = x < y ? y - x : x - y;
  Number divisor = greatest_common_divisor(difference, n);
  if (divisor.is(1) || !(divisor < n)) return std::nullopt;
  return divisor;
}

bool odd_at(const std::vector<std::uint64_t>& bits, std::size_t i) {
  return (bits[i / 64] >> (i % 64) & 1U) != 0;
}

void add_into(std::vector<std::uint64_t>& row, const std::vector<std::uint64_t>& other) {
  for (std::size_t i = 0; i < row.size(); ++i) row[i] ^= other[i];
}

std::optional<Number> solve(const Number& n, const std::vector<std::uint32_t>& base,
                            std::vector<Relation>& relations) {
  for (std::size_t i = 0; i < relations.size(); ++i) {
    Relation& r = relations[i];
    r.parity.assign(base.size() / 64 + 1, 0);
    r.history.assign(relations.size() / 64 + 1, 0);
    r.history[i / 64] |= std::uint64_t{1} << (i % 64);
    for (std::size_t k = 0; k <= base.size(); ++k) {
      r.parity[k / 64] |= std::uint64_t{r.exponents[k] & 1U} << (k % 64);
    }
  }
  std::vector<Relation> rows = relations;
  std::size_t done = 0;
  for (std::size_t column = 0; column <= base.size(); ++column) {
    std::size_t pivot = done;
    while (pivot < rows.size() && !odd_at(rows[pivot].parity, column)) ++pivot;
    if (pivot == rows.size()) continue;
    std::swap(rows[done], rows[pivot]);
    for (std::size_t i = done + 1; i < rows.size(); ++i) {
      if (!odd_at(rows[i].parity, column)) continue;
      add_into(rows[i].parity, rows[done].parity);
      add_into(rows[i].history, rows[done].history);
    }
    ++done;
  }
  for (; done < rows.size(); ++done) {
    if (auto divisor = factor_of(n, base, relations, rows[done])) return divisor;
  }
  return std::nullopt;
}

Number find_factor(const Number& n) {
  constexpr std::size_t k_base_length = 60;
  for (std::uint32_t k = 1; k < 100; k += 2) {
    const Number kn = n * Number(k);
    const auto base = make_base(kn, k_base_length);
    auto relations = collect(n, kn, base, k_base_length + 12);
    if (relations.size() <= k_base_length + 1) continue;
    if (auto divisor = solve(n, base, relations)) return *divisor;
  }
  bench::fail("a composite number was not factored");
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("factorise", "factors integers, each number a block", argc, argv);
  const std::uint64_t numbers = program.scaled(30);
  program.begin();

  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < numbers; ++i) {
    const Composite& composite = k_composites[i % k_composites.size()];
    const Number p = Number(composite.p);
    const Number q = Number(composite.q);
    const Number found = find_factor(p * q);
    if (found == p) {
      sum += composite.p * 3;
    } else if (found == q) {
      sum += composite.q * 3;
    } else {
      bench::fail("a wrong factor was found");
    }
  }
  return program.finish(Number::taken(), sum);
}
