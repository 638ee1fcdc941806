// A logic minimiser: random truth tables are reduced to a small set of cubes that cover them.
//
// Cubes (one byte a variable: 0, 1 or absent) are merged level by level until none merges any more
// (Quine and McCluskey), then a cover is chosen greedily and made irredundant. Sets of short
// vectors, made and dropped by the hundred thousand, with small lists hanging from them: the
// pattern of compilers and of tools for circuits.
#include <list>
#include <map>
#include <set>
#include <vector>

#include "common.hpp"

namespace {

using Cube = std::vector<std::uint8_t>;
constexpr std::uint8_t k_absent = 2;

struct Function {
  unsigned variables = 0;
  std::set<std::uint32_t> on;
  std::set<std::uint32_t> off;
};

Function make_function(unsigned variables, bench::Random& random) {
  Function function;
  function.variables = variables;
  for (std::uint32_t minterm = 0; minterm < 1U << variables; ++minterm) {
    const std::uint64_t draw = random.below(100);
    if (draw < 45) function.on.insert(minterm);
    if (draw >= 65) function.off.insert(minterm);  // the rest may be either
  }
  return function;
}

Cube cube_of(std::uint32_t minterm, unsigned variables) {
  Cube cube(variables);
  for (unsigned i = 0; i < variables; ++i) cube[i] = minterm >> i & 1U;
  return cube;
}

std::vector<Cube> prime_cubes(const Function& function) {
  std::map<Cube, bool> level;  // cube -> has been merged into a larger one
  for (std::uint32_t minterm = 0; minterm < 1U << function.variables; ++minterm) {
    if (!function.off.contains(minterm)) level[cube_of(minterm, function.variables)] = false;
  }
  std::vector<Cube> primes;
  while (!level.empty()) {
    std::map<Cube, bool> next;
    for (auto& [cube, merged] : level) {
      for (unsigned i = 0; i < function.variables; ++i) {
        if (cube[i] != 0) continue;
        Cube partner = cube;
        partner[i] = 1;
        const auto found = level.find(partner);
        if (found == level.end()) continue;
        merged = true;
        found->second = true;
        partner[i] = k_absent;
        next.emplace(std::move(partner), false);
      }
    }
    for (const auto& [cube, merged] : level) {
      if (!merged) primes.push_back(cube);
    }
    level = std::move(next);
  }
  return primes;
}

void list_minterms(const Cube& cube, unsigned at, std::uint32_t minterm,
                   std::list<std::uint32_t>& out) {
  if (at == cube.size()) {
    out.push_back(minterm);
    return;
  }
  if (cube[at] != 1) list_minterms(cube, at + 1, minterm, out);
  if (cube[at] != 0) list_minterms(cube, at + 1, minterm | 1U << at, out);
}

struct Candidate {
  const Cube* cube;
  std::list<std::uint32_t> covers;  // those of the on-set not yet covered by a chosen cube
};

std::vector<Cube> choose_cover(const Function& function, const std::vector<Cube>& primes) {
  std::vector<Candidate> candidates;
  for (const Cube& cube : primes) {
    Candidate candidate{&cube, {}};
    list_minterms(cube, 0, 0, candidate.covers);
    candidate.covers.remove_if([&](std::uint32_t m) { return !function.on.contains(m); });
    if (!candidate.covers.empty()) candidates.push_back(std::move(candidate));
  }
  std::set<std::uint32_t> open = function.on;
  std::vector<Cube> cover;
  while (!open.empty()) {
    auto best = std::max_element(
        candidates.begin(), candidates.end(),
        [](const Candidate& a, const Candidate& b) { return a.covers.size() < b.covers.size(); });
    if (best == candidates.end() || best->covers.empty()) bench::fail("no cube covers the rest");
    cover.push_back(*best->cube);
    for (const std::uint32_t minterm : best->covers) open.erase(minterm);
    for (Candidate& c : candidates) {
      c.covers.remove_if([&](std::uint32_t m) { return !open.contains(m); });
    }
  }
  return cover;
}

// Drops each cube whose minterms the others cover.
void make_irredundant(const Function& function, std::vector<Cube>& cover) {
  std::map<std::uint32_t, std::set<std::size_t>> coverers;
  for (std::size_t i = 0; i < cover.size(); ++i) {
    std::list<std::uint32_t> minterms;
    list_minterms(cover[i], 0, 0, minterms);
    for (const std::uint32_t m : minterms) coverers[m].insert(i);
  }
  for (std::size_t i = cover.size(); i-- > 0;) {
    std::list<std::uint32_t> minterms;
    list_minterms(cover[i], 0, 0, minterms);
    const bool needed = std::any_of(minterms.begin(), minterms.end(), [&](std::uint32_t m) {
      return function.on.contains(m) && coverers[m].size() == 1;
    });
    if (needed) continue;
    for (const std::uint32_t m : minterms) coverers[m].erase(i);
    cover.erase(cover.begin() + static_cast<long>(i));
    for (auto& [minterm, by] : coverers) {  // the cubes behind move down by one
      std::set<std::size_t> moved;
      for (const std::size_t index : by) moved.insert(index > i ? index - 1 : index);
      by = std::move(moved);
    }
  }
}

void verify(const Function& function, const std::vector<Cube>& cover) {
  std::set<std::uint32_t> covered;
  for (const Cube& cube : cover) {
    std::list<std::uint32_t> minterms;
    list_minterms(cube, 0, 0, minterms);
    covered.insert(minterms.begin(), minterms.end());
  }
  for (const std::uint32_t m : function.on) {
    if (!covered.contains(m)) bench::fail("minterm %u is not covered", m);
  }
  for (const std::uint32_t m : function.off) {
    if (covered.contains(m)) bench::fail("minterm %u must not be covered", m);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("cover", "minimises random truth tables", argc, argv);
  const auto variables = static_cast<unsigned>(program.count("variables", 9, "of each table"));
  const std::uint64_t functions = program.scaled(500);
  program.begin();

  bench::Random random(5);
  std::uint64_t sum = 0;
  std::uint64_t primes_seen = 0;
  for (std::uint64_t i = 0; i < functions; ++i) {
    const Function function = make_function(variables, random);
    const std::vector<Cube> primes = prime_cubes(function);
    std::vector<Cube> cover = choose_cover(function, primes);
    make_irredundant(function, cover);
    verify(function, cover);
    primes_seen += primes.size();
    for (const Cube& cube : cover) {
      for (const std::uint8_t literal : cube) sum = sum * 31 + literal;
    }
  }
  return program.finish(primes_seen, sum);
}
