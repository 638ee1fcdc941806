// arenite completion bash|zsh|fish: the script by which that shell completes the command's words.
//
// The script is made from the parser: what `--help` shows is what is offered. Behind `arenite run`
// and its options it leaves the program's words to the shell.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace arenite::command {

class CompletionCommand {
 public:
  CompletionCommand(CLI::App& command, const std::string& version);

  bool is_asked_for() const { return parser_->parsed(); }
  int run() const;

 private:
  CLI::App& command_;
  CLI::App* parser_;
  std::string shell_;
};

}  // namespace arenite::command
