// arenite settings: what is in force in this environment, and who said so: the table (default), the
// mode, which makes something else of a few settings, or a variable.
//
// The reading is the library's own (policy/settings.cpp is linked in), so the answer cannot differ
// from what a program run from here would get. What the library does not heed is named too: a knob
// of glibc's that has nothing to turn here, or an ARENITE_ name that is none.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace arenite::command {

class SettingsCommand {
 public:
  SettingsCommand(CLI::App& command, const std::string& version);

  bool is_asked_for() const { return parser_->parsed(); }
  int run() const;

 private:
  CLI::App* parser_;
  bool json_ = false;
};

}  // namespace arenite::command
