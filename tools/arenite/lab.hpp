// arenite lab: experiments, run under several allocators and shown side by side.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drawn.hpp"
#include "experiment.hpp"
#include "lab_all.hpp"
#include "runner.hpp"

namespace arenite::command {

// What `arenite lab NAME --json` prints.
Json to_json(const Experiment& experiment, const Outcome& outcome,
             const std::vector<std::string>& conclusion);

class Lab {
 public:
  // Adds `lab` and its experiments to the command's parser.
  explicit Lab(CLI::App& command, const std::string& version);

  bool is_asked_for() const { return lab_->parsed(); }

  // Does what was parsed and returns the command's exit status.
  int run() const;

 private:
  struct Request {
    CLI::App* parser;
    Experiment experiment;  // its options' values become the user's
    std::vector<std::string> allocators = {"glibc", "arenite-classic", "arenite"};
    std::string library;
    bool json = false;
    bool brief = false;
  };

  CLI::App* add(const Experiment& experiment, const std::string& version);
  int list() const;
  // The request with what --brief wants where the user said nothing.
  static Request in_brief(Request request);
  int perform(const Request& asked) const;

  CLI::App* lab_;
  DrawnLab drawn_;
  LabAll all_;
  bool json_ = false;
  std::vector<std::unique_ptr<Request>> requests_;  // CLI11 keeps pointers into them
};

}  // namespace arenite::command
