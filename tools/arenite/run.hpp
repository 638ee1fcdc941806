// arenite run [--setting=value ...] -- PROGRAM ARGS: a program under the library.
//
// The command sets LD_PRELOAD and the ARENITE_* variables and becomes the program, so that exit
// status, signals, terminal and process id are the program's own. It ends itself, as env(1) does,
// with 127 where there is no such program, 126 where it cannot be executed, 125 where there is no
// library, and with 2 for bad usage.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace arenite::command {

class RunCommand {
 public:
  RunCommand(CLI::App& command, const std::string& version);

  bool is_asked_for() const { return parser_->parsed(); }

  // Becomes the program; returns an exit status only where that failed.
  int run() const;

  // Cuts the program and its arguments off the command's own words, in which '-' and '_' are made
  // alike, and keeps them. The rest is what the parser should see.
  std::vector<std::string> take_program(std::vector<std::string> words);

 private:
  CLI::App* parser_;
  std::string library_;
  std::map<std::string, std::string> settings_;  // by the table's names, as given
  std::vector<std::string> program_;
};

}  // namespace arenite::command
