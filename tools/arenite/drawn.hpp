// The lab's other kind of experiment: not measured but drawn, step by step.
//
//   arenite lab first-fit                  every step as a drawing
//   arenite lab first-fit --step 4         that one
//   arenite lab attack --drawing unlink    one of several
//   arenite lab walk --list                the drawings' names and titles, without drawing them
//   arenite lab first-fit --json           {"experiment":…,"kind":"drawn","drawings":[{"name":…,
//                                          "title":{…},"frames":[…]}]}, frames as in lab/frames.hpp
//
// The program (in lab/) prints frames; tools/arenite/web/player.js shows the same in a browser.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "drawings.hpp"

namespace arenite::command {

// What the program takes as --name; not passed on while it is empty.
struct TextOption {
  std::string name;
  std::string help;
  std::string type_name;
  std::string value;
};

struct DrawnExperiment {
  std::string name;     // as in `arenite lab NAME`; its page is lab/NAME.md
  std::string summary;  // one line
  std::string program;  // in lab/
  bool wants_library;   // is given --library with the path of libarenite.so
  std::vector<TextOption> options;
  bool has_list = false;  // its program's --list prints a line for each drawing: name, title
};

// All of them, in the order in which they are listed.
const std::vector<DrawnExperiment>& drawn_experiments();

// Runs the program with its options and reads what it draws. `library` is what --library said.
std::vector<Drawing> run_drawn(const DrawnExperiment& experiment, const std::string& library);

// What `arenite lab NAME --json` prints.
Json to_json(const DrawnExperiment& experiment, const std::vector<Drawing>& drawings);

// The subcommands of `arenite lab` for drawn experiments.
class DrawnLab {
 public:
  // Adds one to the parser of `lab`; returns the parser of its own.
  CLI::App* add(CLI::App& lab, const DrawnExperiment& experiment, const std::string& version);

  bool is_asked_for() const;
  // `json`: whether JSON was asked for already, of `lab`.
  int run(bool json) const;

 private:
  struct Request {
    CLI::App* parser;
    DrawnExperiment experiment;  // its options' values become the user's
    std::string library;
    std::string drawing;
    std::string language = "en";
    size_t step = 0;  // 0: all
    bool json = false;
    bool list = false;
  };

  static int list(const DrawnExperiment& experiment, bool json);

  static int perform(const Request& request, bool json);

  std::vector<std::unique_ptr<Request>> requests_;  // CLI11 keeps pointers into them
};

}  // namespace arenite::command
