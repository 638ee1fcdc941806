// See setting_text.hpp.

#include "setting_text.hpp"

#include <fmt/format.h>

#include <cctype>

namespace arenite::command {

using policy::SettingInfo;
using policy::Source;
using policy::Unit;

std::string variable_name(const SettingInfo& info) {
  std::string name = "ARENITE_";
  for (const char* c = info.name; *c != '\0'; c++) {
    name += static_cast<char>(toupper(static_cast<unsigned char>(*c)));
  }
  return name;
}

std::string unit_text(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "BYTES";
    case Unit::count:
      return "COUNT";
    case Unit::byte:
      return "BYTE";
    case Unit::mode:
      return "MODE";
    case Unit::huge_pages:
    case Unit::container:
      return "WHEN";
  }
  return {};
}

std::string value_text(const SettingInfo& info, size_t value) {
  if (const char* word = policy::word_of(info.unit, value)) return word;
  if (value == SIZE_MAX) return "-1";
  if (info.unit != Unit::bytes || value == 0) return std::to_string(value);
  static constexpr char k_suffixes[] = {'G', 'M', 'k'};
  for (int i = 0; i < 3; i++) {
    const size_t unit = size_t{1} << (30 - 10 * i);
    if (value % unit == 0) return fmt::format("{}{}", value / unit, k_suffixes[i]);
  }
  return std::to_string(value);
}

std::string wanted_text(const SettingInfo& info) {
  if (info.unit == Unit::mode) return "'classic' or 'default'";
  if (info.unit == Unit::container) return "'start' or 'watch'";
  if (info.unit == Unit::huge_pages) return "'never', 'auto' or 'always'";
  const std::string kind =
      info.unit == Unit::bytes ? "a size in bytes (k, M, G allowed)" : "a number";
  if (info.maximum != 0) {
    return fmt::format("{} from {} to {}", kind, value_text(info, info.minimum),
                       value_text(info, info.maximum));
  }
  return fmt::format("{} from {}", kind, value_text(info, info.minimum));
}

std::string source_text(const SettingInfo& info, Source source) {
  switch (source) {
    case Source::built_in:
      return "default";
    case Source::mode:
      return "mode";
    case Source::malloc_variable:
      return info.variable;
    case Source::glibc_tunable:
      return "GLIBC_TUNABLES";
    case Source::arenite_variable:
      return variable_name(info);
    case Source::mallopt:
      return "mallopt";
  }
  return {};
}

}  // namespace arenite::command
