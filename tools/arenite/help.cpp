// See help.hpp.

#include "help.hpp"

#include <fmt/format.h>

#include "errors.hpp"
#include "spelling.hpp"

namespace arenite::command {
namespace {

constexpr char k_help[] = "help";
constexpr char k_version[] = "version";

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> verbs_of(const CLI::App& command) {
  return names_of(command.get_subcommands([](const CLI::App*) { return true; }));
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string unknown(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  return fmt::format(
      "'{}' is unknown{}", word,
      did_you_mean(name, word.starts_with('-') ? options_of(command) : verbs_of(command)));
}

}  // namespace

void add_help(CLI::App& command) {
  command.add_subcommand(k_help, "help VERB: what VERB does and takes, as VERB --help");
  command.add_subcommand(k_version, "which version this is, as --version");
}

std::vector<std::string> as_options(CLI::App& command, const std::vector<std::string>& words) {
  if (words == std::vector<std::string>{k_version}) return {"--version"};
  if (words.empty() || words.front() != k_help) return words;
  std::vector<std::string> answer;
  CLI::App* about = &command;
  for (size_t i = 1; i < words.size(); i++) {
    if (words[i].starts_with('-')) return words;  // --help: of help
    const std::vector<CLI::App*> found =
        about->get_subcommands([&](const CLI::App* verb) { return verb->get_name() == words[i]; });
    if (found.empty()) throw UsageError(unknown(*about, words[i]) + " (try --help)");
    about = found.front();
    answer.push_back(words[i]);
  }
  answer.emplace_back("--help");
  return answer;
}

std::string what_is_unknown(const CLI::App& command, const CLI::ExtrasError& error) {
  const CLI::App* within = &command;
  while (!within->get_subcommands().empty()) within = within->get_subcommands().front();
  const std::vector<std::string> words = command.remaining(true);
  return words.empty() ? error.what() : unknown(*within, words.front());
}

}  // namespace arenite::command
