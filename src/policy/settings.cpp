#include "policy/settings.hpp"

#include <iterator>

namespace arenite::policy {
namespace {

struct Span {
  const char* begin;
  size_t size;
};

constexpr char k_own_prefix[] = "ARENITE_";
constexpr size_t k_own_prefix_size = sizeof(k_own_prefix) - 1;

bool equal(Span s, const char* word) {
  for (size_t i = 0; i < s.size; i++) {
    if (word[i] == '\0' || word[i] != s.begin[i]) return false;
  }
  return word[s.size] == '\0';
}

// Whether s is prefix + NAME, where `name` is in lower case.
bool equal_upper(Span s, const char* prefix, const char* name) {
  size_t i = 0;
  for (; *prefix != '\0'; prefix++, i++) {
    if (i >= s.size || s.begin[i] != *prefix) return false;
  }
  for (; *name != '\0'; name++, i++) {
    const char upper =
        (*name >= 'a' && *name <= 'z') ? static_cast<char>(*name - 'a' + 'A') : *name;
    if (i >= s.size || s.begin[i] != upper) return false;
  }
  return i == s.size;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

unsigned suffix_shift(char c) {
  switch (c) {
    case 'k':
    case 'K':
      return 10;
    case 'm':
    case 'M':
      return 20;
    case 'g':
    case 'G':
      return 30;
    default:
      return 0;
  }
}

ARENITE_SELDOM_APART bool read_number(Span s, bool suffix_allowed, size_t& value) {
  // As in glibc, where a threshold of -1 is the usual way to say "never". Any other number below
  // zero is a mistake: it would be a very large one.
  if (equal(s, "-1")) {
    value = SIZE_MAX;
    return true;
  }
  unsigned shift = 0;
  if (suffix_allowed && s.size > 1) {
    shift = suffix_shift(s.begin[s.size - 1]);
    if (shift != 0) s.size--;
  }
  size_t i = 0;
  size_t radix = 10;
  if (s.size > 2 && s.begin[0] == '0' && (s.begin[1] | 0x20) == 'x') {
    radix = 16;
    i = 2;
  } else if (s.size > 1 && s.begin[0] == '0') {
    radix = 8;
    i = 1;
  }
  if (i >= s.size) return false;
  size_t n = 0;
  for (; i < s.size; i++) {
    const int d = digit(s.begin[i]);
    if (static_cast<size_t>(d) >= radix) return false;
    if (__builtin_mul_overflow(n, radix, &n) ||
        __builtin_add_overflow(n, static_cast<size_t>(d), &n))
      return false;
  }
  if (shift != 0 && n > (SIZE_MAX >> shift)) return false;
  value = n << shift;
  return true;
}

// The number of the word that it is.
bool read_word(Span s, Unit unit, size_t& value) {
  for (size_t i = 0; word_of(unit, i) != nullptr; i++) {
    if (!equal(s, word_of(unit, i))) continue;
    value = i;
    return true;
  }
  return false;
}

size_t length_of(const char* s) {
  size_t n = 0;
  while (s[n] != '\0') n++;
  return n;
}

bool is_ours(Span name) {
  return name.size >= k_own_prefix_size && equal({name.begin, k_own_prefix_size}, k_own_prefix);
}

// A variable of ours that no setting has.
ARENITE_COLD void note_unknown(Complaint complaint, Span name) {
  if (complaint.tell_unknown != nullptr)
    complaint.tell_unknown(complaint.context, name.begin, name.size);
}

// The reading in progress: values so far, and where the complaints go.
struct Reader {
  ReadSettings result;
  Complaint complaint;

  // `name` is the variable's or the tunable's, for the complaint; null for our own variable.
  ARENITE_SELDOM_APART void take(size_t index, Source source, const char* name, Span value) {
    const SettingInfo& info = k_settings[index];
    if (source < result.sources[index]) return;
    size_t n = 0;
    if (!read_value(info, value.begin, value.size, n)) {
      complain(name, value, info);
      return;
    }
    result.values.*info.field = n;
    result.sources[index] = source;
  }

  ARENITE_COLD void complain(const char* name, Span value, const SettingInfo& info) const {
    if (complaint.tell == nullptr) return;
    Text<64> own;
    own << k_own_prefix;
    for (const char* c = info.name; *c != '\0'; c++)
      own << ((*c >= 'a' && *c <= 'z') ? static_cast<char>(*c - 'a' + 'A') : *c);
    complaint.tell(complaint.context, name == nullptr ? own.c_str() : name, value.begin, value.size,
                   info);
  }

  // "glibc.malloc.arena_max=2:glibc.malloc.perturb=7"; other namespaces are somebody else's.
  ARENITE_SELDOM_APART void take_tunables(const char* list) {
    while (*list != '\0') {
      Span name{list, 0};
      while (list[name.size] != '\0' && list[name.size] != '=' && list[name.size] != ':')
        name.size++;
      list += name.size;
      if (*list == '=') {
        Span value{++list, 0};
        while (list[value.size] != '\0' && list[value.size] != ':') value.size++;
        list += value.size;
        take_tunable(name, value);
      }
      if (*list == ':') list++;
    }
  }

  void take_tunable(Span name, Span value) {
    static constexpr char k_prefix[] = "glibc.malloc.";
    constexpr size_t k_prefix_size = sizeof(k_prefix) - 1;
    if (name.size <= k_prefix_size || !equal({name.begin, k_prefix_size}, k_prefix)) return;
    const Span own{name.begin + k_prefix_size, name.size - k_prefix_size};
    for (size_t i = 0; i < k_setting_count; i++) {
      if (k_settings[i].tunable[0] != '\0' && equal(own, k_settings[i].tunable)) {
        take(i, Source::glibc_tunable, k_settings[i].tunable, value);
      }
    }
  }
};

}  // namespace

const char* word_of(Unit unit, size_t value) {
  static constexpr char k_modes[][8] = {"default", "classic"};
  static constexpr char k_huge_pages[][8] = {"never", "auto", "always"};
  static constexpr char k_container[][8] = {"start", "watch"};
  if (unit == Unit::container && value < std::size(k_container)) return k_container[value];
  if (unit == Unit::mode && value < std::size(k_modes)) return k_modes[value];
  if (unit == Unit::huge_pages && value < std::size(k_huge_pages)) return k_huge_pages[value];
  return nullptr;
}

ARENITE_SELDOM_APART bool read_value(const SettingInfo& info, const char* text, size_t length,
                                     size_t& value) {
  const Span s{text, length};
  size_t n = 0;
  if (!read_word(s, info.unit, n)) {
    const bool is_word = info.unit == Unit::mode || info.unit == Unit::container;
    if (is_word || !read_number(s, info.unit == Unit::bytes, n)) return false;
    // As glibc's hugetlb: 0 is off, any other number is on.
    if (info.unit == Unit::huge_pages)
      n = static_cast<size_t>(n == 0 ? HugePages::never : HugePages::always);
  }
  if (n < info.minimum || (info.maximum != 0 && n > info.maximum)) return false;
  value = n;
  return true;
}

ReadSettings built_in_settings() {
  ReadSettings r{};
  for (const SettingInfo& info : k_settings) r.values.*info.field = info.default_value;
  return r;
}

ReadSettings read_settings(const char* const* environment, Complaint complaint) {
  Reader reader{built_in_settings(), complaint};
  if (environment == nullptr) return reader.result;
  for (; *environment != nullptr; environment++) {
    Span name{*environment, 0};
    while (name.begin[name.size] != '\0' && name.begin[name.size] != '=') name.size++;
    if (name.begin[name.size] != '=') continue;
    const char first = name.begin[0];
    if (first != 'M' && first != 'G' && first != 'A' && first != 'g') continue;
    const char* text = name.begin + name.size + 1;
    if (first == 'g') {
      // In /proc the dynamic linker has ended each tunable of the list with a zero: what follows
      // one looks like a variable of its own.
      reader.take_tunables(*environment);
      continue;
    }
    if (equal(name, "GLIBC_TUNABLES")) {
      reader.take_tunables(text);
      continue;
    }
    bool is_known = first != 'A';
    for (size_t i = 0; i < k_setting_count; i++) {
      const SettingInfo& info = k_settings[i];
      if (info.variable[0] != '\0' && equal(name, info.variable)) {
        reader.take(i, Source::malloc_variable, info.variable, {text, length_of(text)});
      } else if (equal_upper(name, k_own_prefix, info.name)) {
        is_known = true;
        reader.take(i, Source::arenite_variable, nullptr, {text, length_of(text)});
      }
    }
    if (!is_known && is_ours(name)) note_unknown(complaint, name);
  }
  return reader.result;
}

ARENITE_COLD ReadSettings in_force(ReadSettings read) {
  const bool is_classic = read.values.mode == k_mode_classic;
  bool trims_top = is_classic;
  for (size_t i = 0; i < k_setting_count; i++)
    trims_top = trims_top || (is_users(read.sources[i]) && is_about_trimming(k_settings[i].field));
  for (size_t i = 0; i < k_setting_count; i++) {
    size_t Settings::*const field = k_settings[i].field;
    size_t value = read.values.*field;
    if (is_classic && field == &Settings::huge_pages) value = static_cast<size_t>(HugePages::never);
    if (is_classic && field == &Settings::background_purge) value = 0;
    if (!is_classic && field == &Settings::arena_test && !is_users(read.sources[i]))
      value = k_early_arena_test;
    if (!trims_top && field == &Settings::trim_threshold) value = SIZE_MAX;
    if (value == read.values.*field) continue;
    read.values.*field = value;
    read.sources[i] = Source::mode;
  }
  return read;
}

ARENITE_COLD size_t distance(const char* a, size_t a_length, const char* b, size_t b_length) {
  constexpr size_t k_longest = 31;
  if (a_length > k_longest || b_length > k_longest) return SIZE_MAX;
  const auto plain = [](char c) {
    return c == '-' ? '_' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  };
  // The last three rows of the table whose entry (i, j) is the distance of the first i letters of
  // one from the first j of the other.
  unsigned char rows[3][k_longest + 1] = {};
  for (size_t j = 0; j <= b_length; j++) rows[0][j] = static_cast<unsigned char>(j);
  for (size_t i = 1; i <= a_length; i++) {
    const unsigned char* const before = rows[(i - 1) % 3];
    unsigned char* const row = rows[i % 3];
    row[0] = static_cast<unsigned char>(i);
    for (size_t j = 1; j <= b_length; j++) {
      const bool is_same = plain(a[i - 1]) == plain(b[j - 1]);
      size_t least = before[j - 1] + (is_same ? 0U : 1U);
      if (before[j] + 1U < least) least = before[j] + 1U;
      if (row[j - 1] + 1U < least) least = row[j - 1] + 1U;
      const bool is_swapped = i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) &&
                              plain(a[i - 2]) == plain(b[j - 1]);
      if (is_swapped && rows[(i - 2) % 3][j - 2] + 1U < least)
        least = rows[(i - 2) % 3][j - 2] + 1U;
      row[j] = static_cast<unsigned char>(least);
    }
  }
  return rows[a_length % 3][b_length];
}

ARENITE_COLD const SettingInfo* nearest_setting(const char* name, size_t length) {
  const SettingInfo* nearest = nullptr;
  size_t least = SIZE_MAX;
  for (const SettingInfo& info : k_settings) {
    const size_t d = distance(name, length, info.name, length_of(info.name));
    if (d >= least || !is_near(d, length)) continue;
    least = d;
    nearest = &info;
  }
  return nearest;
}

}  // namespace arenite::policy
