// The settings table as words: what a variable is called, how a value reads, what would be right.
#pragma once

#include <cstddef>
#include <string>

#include "policy/settings.hpp"

namespace arenite::command {

std::string variable_name(const policy::SettingInfo& info);             // "ARENITE_ARENA_MAX"
std::string unit_text(policy::Unit unit);                               // "BYTES"
std::string value_text(const policy::SettingInfo& info, size_t value);  // "128k", "classic"
std::string wanted_text(const policy::SettingInfo& info);               // "a size from 0 to 160"
std::string source_text(const policy::SettingInfo& info, policy::Source s);  // "MALLOC_ARENA_MAX"

}  // namespace arenite::command
