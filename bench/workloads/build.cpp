// Structures that are built once, walked once and dropped: a list, a hash table, strings.
//
// What a command-line tool does with its input. Nothing is taken a second time before all of it is
// free, so the time is that of fresh memory: page faults, and whatever the allocator does to have
// fewer of them. Where it spends on the walks to come, there is only one to earn that back.
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "common.hpp"

namespace {

std::uint64_t list(std::uint64_t entries) {
  std::list<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < entries; ++i) numbers.push_back(i);
  std::uint64_t sum = 0;
  for (const std::uint64_t number : numbers) sum += number;
  if (sum != entries * (entries - 1) / 2) bench::fail("a number of the list was lost");
  return sum;
}

std::uint64_t table(std::uint64_t entries) {
  std::unordered_map<std::uint64_t, std::uint64_t> squares;
  for (std::uint64_t i = 0; i < entries; ++i) squares.emplace(i * 0x9e3779b97f4a7c15U, i * i);
  if (squares.size() != entries) bench::fail("the table holds %zu entries", squares.size());
  std::uint64_t sum = 0;
  for (const auto& [key, square] : squares) sum += key ^ square;
  return sum;
}

std::uint64_t strings(std::uint64_t entries) {
  std::vector<std::string> lines;
  bench::Random random(1);
  for (std::uint64_t i = 0; i < entries; ++i)
    lines.emplace_back(random.between(40, 120), static_cast<char>('a' + i % 26));
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    if (lines[i].back() != static_cast<char>('a' + i % 26)) bench::fail("a string was changed");
    sum += lines[i].size();
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("build", "a list, a hash table, strings: built once and dropped", argc,
                         argv);
  const std::uint64_t numbers = program.shrunk(8'000'000, 1000);
  const std::uint64_t entries = program.shrunk(2'000'000, 1000);
  const std::uint64_t rounds = program.scaled(1);
  program.begin();

  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    sum += list(numbers);
    sum += table(entries);
    sum += strings(entries);
  }
  return program.finish(rounds * (numbers + 2 * entries), sum);
}
