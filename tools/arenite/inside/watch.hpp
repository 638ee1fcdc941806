// Watch: the commands that go on looking: `top`, on a terminal, and `exporter`, for a machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace arenite::inside {

class ExporterCommand {
 public:
  ExporterCommand(CLI::App& command, const std::string& version);
  bool is_asked_for() const { return parser_->parsed(); }
  int run() const;

 private:
  CLI::App* parser_;
  std::string address_ = "127.0.0.1:9393";
};

class TopCommand {
 public:
  TopCommand(CLI::App& command, const std::string& version);
  bool is_asked_for() const { return parser_->parsed(); }
  int run() const;

 private:
  CLI::App* parser_;
  std::vector<int> pids_;
  double interval_ = 1;
  bool once_ = false;
  bool json_ = false;
};

}  // namespace arenite::inside
