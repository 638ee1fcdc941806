// `arenite help [VERB [NAME]]` and `arenite version`, which mean VERB NAME --help and --version;
// and what to say of a word that the command does not know.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace arenite::command {

// Adds both to the parser, so that it lists them.
void add_help(CLI::App& command);

// The words with options in the place of these two verbs. Throws UsageError where help is asked for
// something that is not there.
std::vector<std::string> as_options(CLI::App& command, const std::vector<std::string>& words);

// "'settigns' is unknown; did you mean 'settings'?", after a parse that ended with this error.
std::string what_is_unknown(const CLI::App& command, const CLI::ExtrasError& error);

}  // namespace arenite::command
