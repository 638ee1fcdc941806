// What the user asked for, and where it was said.
//
// settings.def is the one table. This file gives it types and reads it from an environment; it is
// pure, so the command can link it and show exactly what the library would do.
//
// Precedence, weakest first: built in, MALLOC_* variables, GLIBC_TUNABLES, ARENITE_* variables,
// mallopt(). A value that cannot be read is reported once through the complaint and the weaker
// source keeps its word. So is an ARENITE_ variable that the table does not know.
#pragma once

#include "base/base.hpp"

namespace arenite::policy {

inline constexpr size_t k_mode_default = 0;
inline constexpr size_t k_mode_classic = 1;

// When memory becomes huge pages (huge_pages.hpp).
enum class HugePages : size_t { never, automatic, always };

// The largest mmap threshold that can be set: a bigger block would not fit a heap
// (HEAP_MAX_SIZE/2).
inline constexpr size_t k_mmap_threshold_limit = k_is_64_bit ? 32 * k_mib : 512 * k_kib;

// When the container's files are read.
enum class Container : size_t { start, watch };

enum class Unit : unsigned char { bytes, count, byte, mode, huge_pages, container };
enum class Source : unsigned char {
  built_in,
  mode,  // the mode means another value than the table's (in_force)
  malloc_variable,
  glibc_tunable,
  arenite_variable,
  mallopt
};

// One value for each line of the table.
struct Settings {
#define SETTING(name, ...) size_t name;
#include "policy/settings.def"
};

// Its words are in it: pointers would have to be adjusted in every process.
struct SettingInfo {
  char name[17];
  Unit unit;
  char variable[23];  // MALLOC_*, or ""
  char tunable[15];   // after "glibc.malloc.", or ""
  int mallopt;        // 0: none
  size_t default_value;
  size_t minimum;
  size_t maximum;  // 0: any
  size_t Settings::*field;
};

inline constexpr SettingInfo k_settings[] = {
#define SETTING(name, unit, built_in, minimum, maximum, mallopt, variable, tunable, help) \
  {#name, Unit::unit, variable, tunable, mallopt, built_in, minimum, maximum, &Settings::name},
#include "policy/settings.def"
};
inline constexpr size_t k_setting_count = sizeof(k_settings) / sizeof(k_settings[0]);

// What a setting does, for the command: the library has no use for it, and does not contain it.
inline constexpr const char* k_settings_help[] = {
#define SETTING(name, unit, built_in, minimum, maximum, mallopt, variable, tunable, help) help,
#include "policy/settings.def"
};
inline const char* help_of(const SettingInfo& info) {
  return k_settings_help[&info - k_settings];
}

// The word that a setting takes instead of this number; null where there is none.
const char* word_of(Unit unit, size_t value);
inline bool takes_words(Unit unit) {
  return word_of(unit, 0) != nullptr;
}

struct ReadSettings {
  Settings values;
  Source sources[k_setting_count];
};

// Told of each value that could not be read: the variable's name, the value (not zero-terminated),
// and what would have been right. And of each ARENITE_ variable that is no setting's: its entry
// NAME=VALUE, and how long the name is.
struct Complaint {
  void (*tell)(void* context, const char* variable, const char* value, size_t length,
               const SettingInfo& info);
  void* context;
  void (*tell_unknown)(void* context, const char* entry, size_t name_length) = nullptr;
};

ReadSettings built_in_settings();

// Reads the table from `environment`, a null-terminated list of NAME=VALUE strings (may be null).
ReadSettings read_settings(const char* const* environment, Complaint complaint);

// From how many arenas on default mode counts the processors, unless the user said when.
inline constexpr size_t k_early_arena_test = 1;

// Whether the user said it, wherever.
constexpr bool is_users(Source source) {
  return source > Source::mode;
}

// What `read` comes to in its mode. A setting of which the mode makes something else than the table
// says has that value, and Source::mode:
//   default   arena_test is 1, and the top is not trimmed, unless the user said otherwise
//   classic   has no slabs and keeps nothing: huge_pages and background_purge are off
ReadSettings in_force(ReadSettings read);

// Reads one value: decimal, 0x hexadecimal or 0 octal, -1 for "as large as can be", a suffix k, M
// or G on bytes, one of its words. False, and `value` untouched, where it cannot be read or is out
// of the setting's range.
bool read_value(const SettingInfo& info, const char* text, size_t length, size_t& value);

// Whether setting this pins the moving thresholds (glibc: M_TRIM_THRESHOLD, M_TOP_PAD,
// M_MMAP_THRESHOLD and M_MMAP_MAX all do).
constexpr bool pins_thresholds(size_t Settings::*field) {
  return field == &Settings::trim_threshold || field == &Settings::top_pad ||
         field == &Settings::mmap_threshold || field == &Settings::mmap_max;
}

// How many letters have to be changed, left out, put in or swapped with the next to make one word
// of the other; upper and lower case, '-' and '_' are the same. Words of more than 31 letters are
// far from any.
size_t distance(const char* a, size_t a_length, const char* b, size_t b_length);

// Whether a word so far from another may be a slip of the pen.
constexpr bool is_near(size_t distance, size_t length) {
  return distance <= (length < 4 ? 1U : length < 8 ? 2U : 3U);
}

// The setting that was probably meant by this name, or null.
const SettingInfo* nearest_setting(const char* name, size_t length);

// Whether setting this asks for the top to be trimmed at a size.
constexpr bool is_about_trimming(size_t Settings::*field) {
  return field == &Settings::trim_threshold || field == &Settings::top_pad;
}

}  // namespace arenite::policy
