"""Writes the C++ file for the compiler case: some 2,000 lines, heavy on templates and STL.

Each numbered group has a record, a template over containers, a small hierarchy with virtual calls,
a recursive template evaluated by the compiler, and a function that uses them with lambdas, maps
and strings. main() adds everything up and prints one checksum. Only the numbers in it are random,
and those come from the caller's generator.
"""

HEAD = """\
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

using u64 = std::uint64_t;

template <u64 N, u64 M>
struct Mix {
  static constexpr u64 value = (Mix<N - 1, M>::value * 6364136223846793005ULL) ^ (N * M);
};
template <u64 M>
struct Mix<0, M> {
  static constexpr u64 value = M;
};

template <typename... Parts>
u64 fold(const std::tuple<Parts...>& parts) {
  return std::apply([](const auto&... part) { return (u64{0} + ... + u64(part)); }, parts);
}
"""

GROUP = """
struct Record@ {
  int key = @A;
  std::string name;
  std::array<u64, @B> numbers{};
  std::optional<std::vector<int>> extra;
  bool operator<(const Record@& other) const {
    return std::tie(key, name) < std::tie(other.key, other.name);
  }
};

template <typename Key, typename Value, int Step = @B>
class Table@ {
 public:
  void put(Key key, Value value) {
    sorted_[key] = value;
    hashed_.emplace(std::to_string(key), std::move(value));
  }
  template <typename Visit>
  u64 each(Visit&& visit) const {
    u64 sum = @C;
    for (const auto& [key, value] : sorted_) sum = sum * Step + visit(key, value);
    return sum + hashed_.size();
  }

 private:
  std::map<Key, Value> sorted_;
  std::unordered_map<std::string, Value> hashed_;
};

struct Shape@ {
  virtual ~Shape@() = default;
  virtual u64 area(u64 scale) const = 0;
};
struct Square@ : Shape@ {
  u64 area(u64 scale) const override { return scale * scale + Mix<@D, @A>::value; }
};
struct Strip@ : Shape@ {
  std::vector<u64> widths = {@A, @B, @C};
  u64 area(u64 scale) const override {
    return std::accumulate(widths.begin(), widths.end(), scale,
                           [](u64 left, u64 right) { return left * 31 + right; });
  }
};

u64 work@(u64 seed) {
  Table@<int, Record@> records;
  Table@<long, std::vector<u64>, @D> lists;
  for (int i = 0; i < @D; ++i) {
    Record@ record;
    record.key = int(seed % @C) + i;
    record.name = std::string(i % 40, char('a' + i % 26)) + std::to_string(seed);
    if (i % 3 == 0) record.extra.emplace(i, @A);
    records.put(i * @B, record);
    lists.put(i, std::vector<u64>(i % 9 + 1, seed ^ @C));
  }
  std::vector<std::unique_ptr<Shape@>> shapes;
  shapes.push_back(std::make_unique<Square@>());
  shapes.push_back(std::make_unique<Strip@>());
  std::set<std::variant<u64, std::string>> seen;
  std::function<u64(u64)> walk = [&](u64 depth) -> u64 {
    seen.insert(depth % 2 ? std::variant<u64, std::string>(depth) : std::to_string(depth));
    return depth == 0 ? seed : walk(depth - 1) * 3 + shapes[depth % 2]->area(depth);
  };
  u64 sum = walk(@D) + seen.size();
  sum += records.each([](int key, const Record@& record) {
    return u64(key) + record.name.size() + (record.extra ? record.extra->size() : 7);
  });
  sum ^= lists.each([](long key, const std::vector<u64>& list) { return u64(key) + list.back(); });
  return sum + fold(std::make_tuple(int(seed % 97), @Au, short(@B), Mix<@D, @B>::value));
}
"""


def make(numbers):
    parts, line_count, group = [HEAD], HEAD.count("\n"), 0
    while line_count < 2000:
        text = GROUP.replace("@A", str(numbers.randrange(2, 1000)))
        text = text.replace("@B", str(numbers.randrange(2, 20)))
        text = text.replace("@C", str(numbers.randrange(100, 10000)))
        text = text.replace("@D", str(numbers.randrange(10, 60)))
        parts.append(text.replace("@", str(group)))
        line_count += text.count("\n")
        group += 1
    calls = "\n".join(f"  sum = sum * 1099511628211ULL + work{i}(sum % 1000);"
                      for i in range(group))
    parts.append(f'\nint main() {{\n  u64 sum = 1;\n{calls}\n'
                 '  std::printf("%llx\\n", (unsigned long long)sum);\n}\n')
    return "".join(parts)
