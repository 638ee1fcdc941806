// Reading a script. See walk_script.hpp.

#include "walk_script.hpp"

#include <charconv>
#include <cstring>

#include "steps.hpp"

namespace arenite::lab {
namespace {

constexpr size_t k_largest_size = size_t{1} << 40;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

int length(std::string_view text) {
  return static_cast<int>(text.size());
}

// A whole number; false if it is none.
bool read_number(std::string_view text, size_t& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end && !text.empty();
}

struct VerbName {
  std::string_view name;
  Verb verb;
};
constexpr VerbName k_making[] = {{"malloc", Verb::malloc},
                                 {"calloc", Verb::calloc},
                                 {"realloc", Verb::realloc},
                                 {"memalign", Verb::memalign}};

}  // namespace

void Script::wrong(std::string_view message) const {
  fail(2, "walk", Words("line %u: %.*s", number_, length(message), message.data()));
}

void Script::read(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line{text.data(), end == text.npos ? text.size() : end};
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    number_++;
    read_line(trimmed(line));
  }
  end_paragraph();
  if (block_line_ != 0) {
    number_ = block_line_;
    wrong("this thread's block has no `end`");
  }
}

void Script::read_line(std::string_view line) {
  if (line.empty()) return end_paragraph();
  if (line.front() == '#') return comment(line);
  statement(line);
}

// --- Comments ------------------------------------------------------------------------------------

// Adds a line to the English or the Chinese text that is being gathered. A paragraph's lines of one
// language follow each other, so that its text lies in one piece.
void Script::comment(std::string_view line) {
  const bool is_chinese = line.starts_with("#zh") && (line.size() == 3 || is_space(line[3]));
  line.remove_prefix(is_chinese ? 3 : 1);
  line = trimmed(line);
  std::string_view& text = is_chinese ? comments_.zh : comments_.en;
  const bool follows = !text.empty() && text.data() + text.size() == text_ + text_size_;
  if (!text.empty() && !follows)
    wrong("the comment goes on in a language that it has left: keep each in one piece");
  const bool spaced = follows && !is_chinese;
  if (text_size_ + line.size() + 1 > sizeof text_) wrong("too much text");
  char* const begin = text.empty() ? text_ + text_size_ : const_cast<char*>(text.data());
  if (spaced) text_[text_size_++] = ' ';
  memcpy(text_ + text_size_, line.data(), line.size());
  text_size_ += line.size();
  text = {begin, static_cast<size_t>(text_ + text_size_ - begin)};
}

Bilingual Script::take_comments() {
  Bilingual taken = comments_;
  if (taken.zh.empty()) taken.zh = taken.en;
  if (taken.en.empty()) taken.en = taken.zh;
  comments_ = {};
  return taken;
}

void Script::end_paragraph() {
  if (comments_.en.empty() && comments_.zh.empty()) return;
  const Bilingual text = take_comments();
  if (paragraphs_ == 0) title_ = text;
  if (paragraphs_ == 1) opening_ = text;
  paragraphs_++;
}

// --- Lines ---------------------------------------------------------------------------------------

// The next word; empty at the end of the line. `=` is a word of its own.
std::string_view Script::word() {
  rest_ = trimmed(rest_);
  size_t size = 0;
  while (size < rest_.size() && !is_space(rest_[size]) && rest_[size] != '=') size++;
  if (size == 0 && !rest_.empty()) size = 1;
  const std::string_view found{rest_.data(), size};
  rest_.remove_prefix(size);
  return found;
}

std::string_view Script::need_word(const char* what) {
  const std::string_view found = word();
  if (found.empty()) wrong(Words("%s is missing", what));
  return found;
}

void Script::end_of_line() {
  const std::string_view more = word();
  if (!more.empty()) wrong(Words("'%.*s' is more than the line takes", length(more), more.data()));
}

size_t Script::size_word(const char* what) {
  const std::string_view text = need_word(what);
  std::string_view digits = text;
  size_t unit = 1;
  if (digits.back() == 'K') unit = 1024;
  if (digits.back() == 'M') unit = 1024 * 1024;
  if (unit != 1) digits.remove_suffix(1);
  size_t value = 0;
  if (!read_number(digits, value) || value > k_largest_size / unit) {
    wrong(Words("%s is to be a number of bytes such as 24 or 100K, not '%.*s'", what, length(text),
                text.data()));
  }
  return value * unit;
}

unsigned Script::thread_number(std::string_view text) {
  size_t value = 0;
  if (!read_number(text, value) || value < 1 || value > k_most_threads) {
    wrong(Words("a thread's number is 1 to %u, not '%.*s'", k_most_threads, length(text),
                text.data()));
  }
  return static_cast<unsigned>(value);
}

// What a line says: where its steps run, and then each of them.
void Script::statement(std::string_view line) {
  const std::string_view action = line;
  unsigned thread = block_thread_ == 0 ? 1 : block_thread_;
  size_t digits = 0;
  while (digits < line.size() && is_digit(line[digits])) digits++;
  if (digits != 0 && digits < line.size() && line[digits] == ':') {
    if (block_line_ != 0) wrong("a thread's number inside a thread's block");
    thread = thread_number({line.data(), digits});
    line.remove_prefix(digits + 1);
  }
  rest_ = line;
  if (directive(word())) return end_of_line();
  for (;;) {
    const size_t end = line.find(';');
    step({line.data(), end == line.npos ? line.size() : end}, thread);
    if (end == line.npos) break;
    lines_[line_count_ - 1].goes_on = true;
    line.remove_prefix(end + 1);
  }
  lines_[line_count_ - 1].action = action;
  lines_[line_count_ - 1].text = take_comments();
}

// A line that does nothing to the heap; false if it is none.
bool Script::directive(std::string_view first) {
  if (first == "mode") {
    const std::string_view mode = need_word("the mode");
    if (mode != "classic" && mode != "default") wrong("the mode is classic or default");
    if (line_count_ != 0) wrong("`mode` comes before all other lines");
    wants_default_mode_ = mode == "default";
    return true;
  }
  if (first == "thread") {
    if (block_line_ != 0) wrong("a thread's block inside another; `end` ends it");
    block_thread_ = thread_number(need_word("the thread's number"));
    block_line_ = number_;
    return true;
  }
  if (first == "end") {
    if (block_line_ == 0) wrong("`end` without a `thread` before it");
    block_line_ = 0;
    block_thread_ = 0;
    return true;
  }
  return false;
}

void Script::step(std::string_view text, unsigned thread) {
  if (line_count_ == k_most_lines) wrong(Words("more than %zu steps", k_most_lines));
  ScriptLine& line = lines_[line_count_];
  line = {.number = number_, .thread = thread, .first = use_count_};
  rest_ = text;
  const std::string_view first = need_word("the verb");
  if (first == "free") {
    release();
  } else if (first == "trim") {
    line.verb = Verb::trim;
    if (!trimmed(rest_).empty()) line.size = size_word("the pad");
  } else {
    assignment(first);
  }
  end_of_line();
  line.count = use_count_ - line.first;
  line_count_++;
}

void Script::assignment(std::string_view target) {
  ScriptLine& line = lines_[line_count_];
  if (word() != "=") {
    wrong(
        Words("unknown verb '%.*s'; there are free, trim and NAME = malloc, calloc, realloc or "
              "memalign",
              length(target), target.data()));
  }
  const std::string_view text = need_word("the verb");
  const VerbName* verb = nullptr;
  for (const VerbName& v : k_making) {
    if (v.name == text) verb = &v;
  }
  if (verb == nullptr) {
    wrong(Words("unknown verb '%.*s'; after = comes malloc, calloc, realloc or memalign",
                length(text), text.data()));
  }
  line.verb = verb->verb;
  if (line.verb == Verb::realloc) {
    line.source = find(need_word("the name of the block"));
    end_use(line.source);
  }
  if (line.verb == Verb::calloc) line.operand = size_word("the count");
  if (line.verb == Verb::memalign) {
    line.operand = size_word("the alignment");
    if (line.operand == 0 || (line.operand & (line.operand - 1)) != 0)
      wrong("the alignment is to be a power of two");
  }
  line.size = size_word("the size");
  if (line.verb == Verb::realloc && line.size == 0) wrong("realloc to 0 bytes is free: say free");
  use_names(target, false);
  if (line.verb == Verb::realloc && use_count_ - line.first != 1)
    wrong("realloc makes one block of one");
  for (size_t i = line.first; i < use_count_; i++) begin_use(uses_[i]);
}

void Script::release() {
  lines_[line_count_].verb = Verb::free;
  use_names(need_word("the name of the block"), true);
  for (size_t i = lines_[line_count_].first; i < use_count_; i++) end_use(uses_[i]);
}

// --- Names ---------------------------------------------------------------------------------------

// A name, or a range m1..m40, in either direction, perhaps by a step.
void Script::use_names(std::string_view text, bool may_step) {
  const size_t dots = text.find("..");
  if (dots == text.npos) return use_name(text);
  const auto number_at = [&](std::string_view name, size_t& value) {
    size_t stem = name.size();
    while (stem != 0 && is_digit(name[stem - 1])) stem--;
    if (!read_number({name.data() + stem, name.size() - stem}, value))
      wrong(Words("'%.*s' has no number to count from or to", length(name), name.data()));
    return std::string_view{name.data(), stem};
  };
  size_t from = 0;
  size_t to = 0;
  const std::string_view stem = number_at({text.data(), dots}, from);
  if (number_at({text.data() + dots + 2, text.size() - dots - 2}, to) != stem)
    wrong("a range counts up or down from a name to the same with another number");
  size_t step = 1;
  if (may_step && !trimmed(rest_).empty()) {
    if (word() != "by" || !read_number(need_word("the step"), step) || step == 0)
      wrong("behind a range comes nothing, or `by` and a number from 1 on");
  }
  const size_t count = ((from < to ? to - from : from - to) / step) + 1;
  if (count > k_most_names) wrong(Words("more than %zu names", k_most_names));
  for (size_t i = 0; i < count; i++) {
    const size_t number = from < to ? from + i * step : from - i * step;
    use_name(Words("%.*s%zu", length(stem), stem.data(), number));
  }
}

void Script::use_name(std::string_view text) {
  if (use_count_ == k_most_uses) wrong("the script's ranges are too long together");
  uses_[use_count_] = find(text);
  use_count_++;
}

// The name's number; it gets one when it is first seen.
size_t Script::find(std::string_view text) {
  bool is_name = !text.empty() && text.size() <= k_longest_name && is_letter(text.front());
  for (const char c : text) is_name = is_name && (is_letter(c) || is_digit(c));
  if (!is_name) {
    wrong(Words("'%.*s' is no name: a letter, then letters and digits, %zu at most", length(text),
                text.data(), k_longest_name));
  }
  for (size_t i = 0; i < name_count_; i++) {
    if (name(i) == text) return i;
  }
  if (name_count_ == k_most_names) wrong(Words("more than %zu names", k_most_names));
  Name& fresh = names_[name_count_];
  memcpy(fresh.text, text.data(), text.size());
  fresh.length = text.size();
  return name_count_++;
}

void Script::begin_use(size_t n) {
  Name& used = names_[n];
  if (used.since != 0) wrong(Words("%s is in use already, since line %u", used.text, used.since));
  used.since = number_;
}

void Script::end_use(size_t n) {
  Name& used = names_[n];
  if (used.since == 0 && used.until != 0)
    wrong(Words("%s was freed in line %u", used.text, used.until));
  if (used.since == 0) wrong(Words("nothing is called %s", used.text));
  used.since = 0;
  used.until = number_;
}

bool Script::follows(size_t first, size_t second) const {
  const auto number = [](std::string_view name, size_t& value) {
    size_t stem = name.size();
    while (stem != 0 && is_digit(name[stem - 1])) stem--;
    value = 0;
    for (const char digit : name.substr(stem))
      value = value * 10 + static_cast<size_t>(digit - '0');
    return name.substr(0, stem);
  };
  size_t a = 0;
  size_t b = 0;
  return number(name(first), a) == number(name(second), b) && a + 1 == b;
}

}  // namespace arenite::lab
