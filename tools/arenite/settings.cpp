// See settings.hpp.

#include "settings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "policy/settings.hpp"
#include "setting_text.hpp"
#include "terminal.hpp"

namespace arenite::command {
namespace {

using Json = nlohmann::ordered_json;

// The settings as they were read, and as they are in force.
struct Standing {
  policy::ReadSettings read;
  policy::ReadSettings in_force;
};

// A variable or tunable that is there and does nothing.
struct Idle {
  std::string name;
  std::string value;
  std::string why;
};

struct Reason {
  std::string_view name;
  std::string_view why;
};

constexpr std::string_view k_no_thread_cache =
    "arenite has no thread cache of glibc's kind: there is nothing to size";
constexpr std::string_view k_always_checks = "arenite makes all its checks at all times and aborts";

constexpr Reason k_idle_tunables[] = {
    {"tcache_count", k_no_thread_cache},
    {"tcache_max", k_no_thread_cache},
    {"tcache_unsorted_limit", k_no_thread_cache},
    {"check", k_always_checks},
};
constexpr Reason k_idle_variables[] = {
    {"MALLOC_CHECK_", k_always_checks},
    {"MALLOC_TCACHE_", k_no_thread_cache},  // any name that begins so
};

constexpr std::string_view k_tunables_variable = "GLIBC_TUNABLES";
constexpr std::string_view k_malloc_namespace = "glibc.malloc.";
constexpr std::string_view k_own_prefix = "ARENITE_";

void find_idle_tunable(std::string_view name, std::string_view value, std::vector<Idle>& idle) {
  if (!name.starts_with(k_malloc_namespace)) return;
  const std::string_view own = name.substr(k_malloc_namespace.size());
  for (const policy::SettingInfo& info : policy::k_settings) {
    if (own == info.tunable && !own.empty()) return;
  }
  std::string_view why = "arenite knows no tunable of this name";
  for (const Reason& reason : k_idle_tunables) {
    if (own == reason.name) why = reason.why;
  }
  idle.push_back({std::string(name), std::string(value), std::string(why)});
}

// "name=value:name=value"
void find_idle_tunables(std::string_view list, std::vector<Idle>& idle) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(':'));
    list.remove_prefix(std::min(entry.size() + 1, list.size()));
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    find_idle_tunable(entry.substr(0, equals), entry.substr(equals + 1), idle);
  }
}

bool is_own_variable(std::string_view name) {
  return std::any_of(std::begin(policy::k_settings), std::end(policy::k_settings),
                     [&](const policy::SettingInfo& info) { return name == variable_name(info); });
}

std::string why_unknown(std::string_view name) {
  const std::string_view own = name.substr(k_own_prefix.size());
  const policy::SettingInfo* const meant = policy::nearest_setting(own.data(), own.size());
  std::string why = "arenite knows no setting of this name";
  if (meant != nullptr) why += fmt::format("; did you mean {}?", variable_name(*meant));
  return why;
}

std::string mode_text(const Standing& standing) {
  return fmt::format("{} mode", policy::word_of(policy::Unit::mode, standing.in_force.values.mode));
}

// What the user set and the mode does not heed.
void find_overridden(const Standing& standing, std::vector<Idle>& idle) {
  for (size_t i = 0; i < policy::k_setting_count; i++) {
    const policy::SettingInfo& info = policy::k_settings[i];
    const policy::Source said = standing.read.sources[i];
    if (!policy::is_users(said) || policy::is_users(standing.in_force.sources[i])) continue;
    idle.push_back({source_text(info, said), value_text(info, standing.read.values.*info.field),
                    fmt::format("{} has no use for {}", mode_text(standing), info.name)});
  }
}

std::vector<Idle> find_idle(char** environment) {
  std::vector<Idle> idle;
  for (; *environment != nullptr; environment++) {
    const std::string_view entry = *environment;
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = entry.substr(0, equals);
    const std::string_view value = entry.substr(equals + 1);
    if (name == k_tunables_variable) find_idle_tunables(value, idle);
    for (const Reason& reason : k_idle_variables) {
      if (name.starts_with(reason.name)) {
        idle.push_back({std::string(name), std::string(value), std::string(reason.why)});
      }
    }
    if (name.starts_with(k_own_prefix) && !is_own_variable(name)) {
      idle.push_back({std::string(name), std::string(value), why_unknown(name)});
    }
  }
  return idle;
}

// What could not be read, as it is met.
struct Unreadable {
  std::string variable;
  std::string value;
  std::string wanted;
};

void note_unreadable(void* context, const char* variable, const char* value, size_t length,
                     const policy::SettingInfo& info) {
  // The reader names a tunable without its namespace.
  const bool is_tunable = info.tunable[0] != '\0' && strcmp(variable, info.tunable) == 0;
  static_cast<std::vector<Unreadable>*>(context)->push_back(
      {(is_tunable ? std::string(k_malloc_namespace) : "") + variable, std::string(value, length),
       wanted_text(info)});
}

// Where a value comes from, in one of three words; source_text says it more exactly.
const char* source_kind(policy::Source source) {
  if (policy::is_users(source)) return "environment";
  return source == policy::Source::mode ? "mode" : "default";
}

void print_json(const Standing& standing, const std::vector<Idle>& idle,
                const std::vector<Unreadable>& unreadable) {
  Json out;
  size_t i = 0;
  for (const policy::SettingInfo& info : policy::k_settings) {
    const auto value = [&](size_t n) {
      if (policy::takes_words(info.unit)) return Json(value_text(info, n));
      return n == SIZE_MAX ? Json(-1) : Json(n);
    };
    std::string unit = unit_text(info.unit);
    std::transform(unit.begin(), unit.end(), unit.begin(), [](char c) { return c | 0x20; });
    Json setting = {{"name", info.name},
                    {"value", value(standing.in_force.values.*info.field)},
                    {"from", source_text(info, standing.in_force.sources[i])},
                    {"source", source_kind(standing.in_force.sources[i])},
                    {"default", value(info.default_value)},
                    {"minimum", info.minimum},
                    {"maximum", info.maximum == 0 ? Json(nullptr) : Json(info.maximum)},
                    {"unit", unit},
                    {"wanted", wanted_text(info)},
                    {"variable", variable_name(info)},
                    {"glibc_variable", info.variable},
                    {"glibc_tunable",
                     info.tunable[0] == '\0' ? "" : std::string(k_malloc_namespace) + info.tunable},
                    {"mallopt", info.mallopt == 0 ? Json(nullptr) : Json(info.mallopt)},
                    {"help", policy::help_of(info)}};
    out["settings"].push_back(setting);
    i++;
  }
  out["without_effect"] = Json::array();
  for (const Idle& knob : idle) {
    out["without_effect"].push_back(
        {{"name", knob.name}, {"value", knob.value}, {"why", knob.why}});
  }
  out["unreadable"] = Json::array();
  for (const Unreadable& bad : unreadable) {
    out["unreadable"].push_back(
        {{"name", bad.variable}, {"value", bad.value}, {"wanted", bad.wanted}});
  }
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_text(const policy::ReadSettings& in_force, const std::vector<Idle>& idle) {
  const Terminal terminal = standard_output();
  size_t from_width = strlen("from");
  size_t name_width = strlen("setting");
  size_t i = 0;
  for (const policy::SettingInfo& info : policy::k_settings) {
    from_width = std::max(from_width, source_text(info, in_force.sources[i++]).size());
    name_width = std::max(name_width, strlen(info.name));
  }
  constexpr size_t k_value_width = 8;
  const size_t help_at = name_width + 2 + k_value_width + 2 + from_width + 2;
  constexpr size_t k_narrowest_help = 24;
  const size_t help_width =
      std::max(k_narrowest_help, terminal.width - std::min(terminal.width, help_at));
  const auto line = [&](std::string_view name, std::string_view value, std::string_view from) {
    return fmt::format("{:<{}}  {:<{}}  {:<{}}  ", name, name_width, value, k_value_width, from,
                       from_width);
  };
  fmt::print("{}\n", terminal.bold(line("setting", "value", "from") + "what it does"));
  i = 0;
  for (const policy::SettingInfo& info : policy::k_settings) {
    std::string begin = line(info.name, value_text(info, in_force.values.*info.field),
                             source_text(info, in_force.sources[i++]));
    for (const std::string& words : wrapped(policy::help_of(info), help_width)) {
      fmt::print("{}{}\n", begin, words);
      begin.assign(help_at, ' ');
    }
  }
  if (!idle.empty()) fmt::print("\n{}\n", terminal.bold("set, but without effect here"));
  for (const Idle& knob : idle) fmt::print("{}={}: {}\n", knob.name, knob.value, knob.why);
}

}  // namespace

SettingsCommand::SettingsCommand(CLI::App& command, const std::string& version)
    : parser_(command.add_subcommand(
          "settings", "show each setting, its value here, who set it and what it does")) {
  parser_->set_version_flag("--version", version);
  parser_->add_flag("--json", json_, "all of it as JSON");
}

int SettingsCommand::run() const {
  std::vector<Unreadable> unreadable;
  Standing standing{};
  standing.read = policy::read_settings(environ, policy::Complaint{note_unreadable, &unreadable});
  standing.in_force = policy::in_force(standing.read);
  for (const Unreadable& bad : unreadable) {
    fmt::print(stderr, "arenite: {}='{}' is not {}; it is ignored\n", bad.variable, bad.value,
               bad.wanted);
  }
  std::vector<Idle> idle = find_idle(environ);
  find_overridden(standing, idle);
  json_ ? print_json(standing, idle, unreadable) : print_text(standing.in_force, idle);
  return 0;
}

}  // namespace arenite::command
