// See run.hpp.
//
// Everything up to "--", or to the first word that is neither an option nor an option's value, is
// ours; all behind it is the program's and is never looked at.

#include "run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "errors.hpp"
#include "places.hpp"
#include "policy/settings.hpp"
#include "preload.hpp"
#include "reach.hpp"
#include "setting_text.hpp"

namespace arenite::command {
namespace {

constexpr int k_status_no_library = 125;
constexpr int k_status_not_executable = 126;
constexpr int k_status_not_found = 127;

std::string option_name(const policy::SettingInfo& info) {
  std::string name = info.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

// The usage line says where the program goes, of which the parser knows nothing.
class RunFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string name) const override {
    return fmt::format("Usage: {} [--setting=value ...] [--] PROGRAM [ARGUMENTS]\n", name);
  }
};

// Options that stand alone; every other one takes a value.
bool is_flag(const std::string& word) {
  return word == "--help" || word == "-h" || word == "--version";
}

void set_variable(const std::string& name, const std::string& value) {
  if (setenv(name.c_str(), value.c_str(), 1) != 0) {
    throw Failure(fmt::format("cannot set {}: {}", name, strerror(errno)), k_status_no_library);
  }
}

// Ours comes first, so that malloc is ours; what was there stays.
void preload(const std::string& library) {
  const char* const before = getenv("LD_PRELOAD");
  const bool any = before != nullptr && *before != '\0';
  set_variable("LD_PRELOAD", any ? library + ":" + before : library);
}

}  // namespace

RunCommand::RunCommand(CLI::App& command, const std::string& version)
    : parser_(command.add_subcommand("run", "run a program under the library")) {
  parser_->formatter(std::make_shared<RunFormatter>());
  parser_->set_version_flag("--version", version);
  parser_->footer(
      "A size may end in k, M or G. 'arenite settings' shows what is in force.\n"
      "Exit status: the program's; 127 program not found, 126 not executable, 125 no library, "
      "2 bad usage.");
  parser_->add_option("--library", library_, "the libarenite.so to use")->type_name("PATH");
  for (const policy::SettingInfo& info : policy::k_settings) {
    parser_->add_option(option_name(info), settings_[info.name], policy::help_of(info))
        ->type_name(unit_text(info.unit))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

std::vector<std::string> RunCommand::take_program(std::vector<std::string> words) {
  size_t i = 0;
  while (i < words.size()) {
    std::string& word = words[i];
    if (word == "--" || !word.starts_with('-')) break;
    const auto name_end =
        word.begin() + static_cast<ptrdiff_t>(std::min(word.find('='), word.size()));
    if (word.starts_with("--")) std::replace(word.begin(), name_end, '_', '-');
    const bool has_value_behind = name_end == word.end() && !is_flag(word);
    i += has_value_behind ? 2 : 1;
  }
  i = std::min(i, words.size());
  const size_t program_at = i < words.size() && words[i] == "--" ? i + 1 : i;
  program_.assign(words.begin() + static_cast<ptrdiff_t>(program_at), words.end());
  words.resize(i);
  return words;
}

int RunCommand::run() const {
  for (const policy::SettingInfo& info : policy::k_settings) {
    const auto given = settings_.find(info.name);
    if (parser_->count(option_name(info)) == 0) continue;
    const std::string& value = given->second;
    size_t ignored = 0;
    if (!policy::read_value(info, value.data(), value.size(), ignored)) {
      throw UsageError(
          fmt::format("{}: '{}' is not {}", option_name(info), value, wanted_text(info)));
    }
    set_variable(variable_name(info), value);
  }
  if (program_.empty())
    throw UsageError("which program? arenite run [--setting=value ...] -- PROGRAM");
  std::string library;
  try {
    library = find_library(library_).string();
  } catch (const Failure& failure) {
    throw Failure(failure.what(), k_status_no_library);
  }
  const std::string not_loaded = why_not_loaded(library);
  if (!not_loaded.empty()) {
    throw Failure(fmt::format("{} cannot be loaded: {}", library, not_loaded), k_status_no_library);
  }
  const std::string unreached = why_unreached(program_.front(), library);
  if (!unreached.empty()) {
    // Whoever names a library means that one: another malloc would not do.
    const ElfClass of_program = class_of_program(program_.front());
    if (!library_.empty() && of_program != ElfClass::none && of_program != class_of_file(library)) {
      throw Failure(
          fmt::format("{} cannot be loaded: {} is of another word size", library, program_.front()),
          k_status_no_library);
    }
    fmt::print(stderr, "arenite: warning: {} will not use the library: {}\n", program_.front(),
               unreached);
  }
  preload(library);
  std::vector<char*> arguments;
  for (const std::string& word : program_) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  throw Failure(fmt::format("{}: {}", program_.front(), strerror(errno)),
                errno == ENOENT ? k_status_not_found : k_status_not_executable);
}

}  // namespace arenite::command
