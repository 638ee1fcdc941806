// A JSON document is parsed into strings, vectors and maps, changed, and dumped again.
//
// The everyday C++ of services: a tree of values in which every string, array and object has memory
// of its own, most of it a few dozen bytes, built in one go and torn down in another. What is
// dumped must parse to the same tree again.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common.hpp"

namespace {

struct Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value>;

struct Value {
  std::variant<std::nullptr_t, bool, double, std::string, std::unique_ptr<Array>,
               std::unique_ptr<Object>>
      held = nullptr;
};

bool is_numeric(char c) {
  return std::string_view("+-.eE0123456789").find(c) != std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Value parse_all() {
    Value value = parse();
    skip_space();
    if (at_ != text_.size()) bench::fail("JSON: text after the document at %zu", at_);
    return value;
  }

 private:
  Value parse() {
    skip_space();
    switch (peek()) {
      case '{':
        return {parse_object()};
      case '[':
        return {parse_array()};
      case '"':
        return {parse_string()};
      case 't':
        return expect("true"), Value{true};
      case 'f':
        return expect("false"), Value{false};
      case 'n':
        return expect("null"), Value{nullptr};
      default:
        return {parse_number()};
    }
  }

  std::unique_ptr<Object> parse_object() {
    auto object = std::make_unique<Object>();
    expect("{");
    skip_space();
    if (skip('}')) return object;
    do {
      skip_space();
      std::string key = parse_string();
      skip_space();
      expect(":");
      object->insert_or_assign(std::move(key), parse());
      skip_space();
    } while (skip(','));
    expect("}");
    return object;
  }

  std::unique_ptr<Array> parse_array() {
    auto array = std::make_unique<Array>();
    expect("[");
    skip_space();
    if (skip(']')) return array;
    do {
      array->push_back(parse());
      skip_space();
    } while (skip(','));
    expect("]");
    return array;
  }

  std::string parse_string() {
    expect("\"");
    std::string out;
    while (peek() != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        c = peek();
        ++at_;
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
      }
      out.push_back(c);
    }
    ++at_;
    return out;
  }

  double parse_number() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_numeric(text_[at_])) ++at_;
    if (at_ == start) bench::fail("JSON: no value at %zu", at_);
    return std::strtod(std::string(text_.substr(start, at_ - start)).c_str(), nullptr);
  }

  char peek() const {
    if (at_ >= text_.size()) bench::fail("JSON: the text ends too soon");
    return text_[at_];
  }
  bool skip(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) bench::fail("JSON: unexpected text at %zu", at_);
    at_ += word.size();
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void dump_string(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  out += '"';
}

void dump(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value.held)) return dump_string(*text, out);
  if (const auto* number = std::get_if<double>(&value.held)) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.15g", *number);
    out += digits.data();
  } else if (const auto* flag = std::get_if<bool>(&value.held)) {
    out += *flag ? "true" : "false";
  } else if (const auto* array = std::get_if<std::unique_ptr<Array>>(&value.held)) {
    const char* before = "[";
    if ((*array)->empty()) out += before;
    for (const Value& element : **array) {
      out += std::exchange(before, ",");
      dump(element, out);
    }
    out += ']';
  } else if (const auto* object = std::get_if<std::unique_ptr<Object>>(&value.held)) {
    const char* before = "{";
    if ((*object)->empty()) out += before;
    for (const auto& [key, element] : **object) {
      out += std::exchange(before, ",");
      dump_string(key, out);
      out += ':';
      dump(element, out);
    }
    out += '}';
  } else {
    out += "null";
  }
}

Value make_record(std::uint64_t id, bench::Random& random) {
  static constexpr std::array<const char*, 6> k_words{
      "harbour", "lime tree", "a \"quoted\" word", "two\nlines", "tab\tbetween", "backslash \\"};
  const auto words = [&](std::uint64_t most) {
    std::string text;
    for (std::uint64_t i = random.between(1, most); i > 0; --i) {
      text += k_words[random.below(k_words.size())];
      text += ' ';
    }
    return text;
  };
  auto tags = std::make_unique<Array>();
  for (std::uint64_t i = random.below(8); i > 0; --i) tags->push_back({words(2)});
  auto place = std::make_unique<Object>();
  (*place)["latitude"] = {static_cast<double>(random.below(180'000)) / 1000 - 90};
  (*place)["longitude"] = {static_cast<double>(random.below(360'000)) / 1000 - 180};
  auto record = std::make_unique<Object>();
  (*record)["id"] = {static_cast<double>(id)};
  (*record)["name"] = {words(4)};
  (*record)["description"] = {words(20)};
  (*record)["active"] = {random.below(2) == 0};
  (*record)["parent"] = {nullptr};
  (*record)["place"] = {std::move(place)};
  (*record)["tags"] = {std::move(tags)};
  return {std::move(record)};
}

std::string make_document(std::uint64_t records) {
  bench::Random random(29);
  auto array = std::make_unique<Array>();
  for (std::uint64_t id = 0; id < records; ++id) array->push_back(make_record(id, random));
  std::string text;
  dump({std::move(array)}, text);
  return text;
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Program program("json", "a JSON document parsed and dumped", argc, argv);
  const std::uint64_t rounds = program.scaled(10);
  const std::uint64_t records = program.shrunk(20'000, 20);
  program.begin();

  std::string text = make_document(records);
  const std::uint64_t first = hash(text);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const Value tree = Parser(text).parse_all();
    std::string again;
    dump(tree, again);
    text = std::move(again);
    if (hash(text) != first) bench::fail("the dump of a parsed document differs");
  }
  const std::size_t length = text.size();
  bench::drop(text);
  return program.finish(rounds * length, first + length);
}
