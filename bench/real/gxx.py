"""g++ -O2 on a generated file of a thousand lines over the standard containers."""

import random

from real.plan import Plan

PACKAGES = ["g++"]
ABOUT = "g++ -O2 on a generated file of 1,000 lines"

HEAD = """\
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

template <typename Key, int N> struct Table {
  std::map<Key, std::vector<int>> rows;
  int look(const Key& key) const {
    auto found = rows.find(key);
    if (found == rows.end()) return N;
    int sum = 0;
    for (int value : found->second) sum += value * N;
    return sum;
  }
};
"""

UNIT = """
struct Unit{n} {{
  std::string name = "unit {n}";
  std::vector<double> values;
  std::unique_ptr<Unit{n}> next;
  Table<{key}, {n}> table;
  double fold(int depth) const {{
    double sum = {a};
    for (std::size_t i = 0; i < values.size(); ++i) {{
      sum += values[i] * {b} - static_cast<double>(i % {c});
      if (sum > {d}) sum /= {b} + 1;
    }}
    return next && depth > 0 ? sum + next->fold(depth - 1) : sum;
  }}
}};
int work_{n}(Unit{n}& unit, std::uint32_t x) {{
  std::sort(unit.values.begin(), unit.values.end(), [x](double a, double b) {{ return a * x < b; }});
  switch (x % 7) {{
    case 0: unit.name += std::to_string(x + {a}); break;
    case 1: unit.values.push_back(x * {b}.5); break;
    case 2: unit.table.rows[{make}].push_back({c}); break;
    case 3: return unit.table.look({make});
    default: x = (x << {e}) ^ (x >> 3);
  }}
  return static_cast<int>(unit.fold({e})) + static_cast<int>(x);
}}
"""


def prepare(directory, scale):
    source = random.Random(2)
    parts = [HEAD]
    for n in range(max(2, int(30 * scale))):
        key, make = source.choice([("int", "int(x)"), ("std::string", "unit.name")])
        numbers = {name: source.randint(2, 20) for name in "abcde"}
        parts.append(UNIT.format(n=n, key=key, make=make, **numbers))
    file = directory / "units.cpp"
    file.write_text("".join(parts))
    return Plan(["g++", "-std=c++17", "-O2", "-S", "-o", "-", str(file)])
