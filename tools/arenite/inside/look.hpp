// Look: what every command that looks inside begins with: a target, what is in it, and how to say
// so.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "inside/graph.hpp"

namespace arenite::inside {

using Json = nlohmann::ordered_json;

// A target with the library in it, as it is now.
class Look {
 public:
  explicit Look(const std::string& what);

  Target& target() { return *target_; }
  const Objects& objects() const { return objects_; }
  const Library& library() const { return library_; }
  Image& image() { return image_; }
  // Made when it is first asked for.
  Heap& heap();
  const Roots& roots();
  // With the contents of all blocks, and a line that says so where it takes long.
  const Graph& graph(Graph::Remember remember);

 private:
  std::unique_ptr<Target> target_;
  Objects objects_;
  Image image_;
  Library library_;
  std::unique_ptr<Heap> heap_;
  std::unique_ptr<Roots> roots_;
  std::unique_ptr<Graph> graph_;
};

// What a block's first words say of it: a class by its vtable, or text.
struct Hint {
  std::string type;  // empty: nobody knows
  std::string text;  // the beginning of it
};
Hint hint_of(Look& look, const Block& block);

// "48 bytes, Session", "48 bytes, text \"abc\"", "48 bytes"
std::string block_text(size_t bytes, const Hint& hint);
// A line on what may be missing, on standard error; nothing where nothing is.
void warn_of_gaps(Look& look);

// A size for people: "612.0 MiB", "4.0 KiB", "96 bytes".
std::string bytes_text(size_t bytes);

// A line on standard error that is rewritten, where somebody has waited for two seconds.
class Waiting {
 public:
  explicit Waiting(std::string what) : what_(std::move(what)) {}
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  void tick();

 private:
  std::string what_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool is_shown_ = false;
};

// A subcommand that looks inside: its parser, --json, and its target.
class InsideCommand {
 public:
  InsideCommand(CLI::App& command, const std::string& version, const char* name, const char* help);
  virtual ~InsideCommand() = default;
  InsideCommand(const InsideCommand&) = delete;
  InsideCommand& operator=(const InsideCommand&) = delete;

  bool is_asked_for() const { return parser_->parsed(); }
  virtual int run() const = 0;

 protected:
  void take_target(const char* kind, const char* help);
  void print(const Json& json) const;

  CLI::App* parser_;
  bool json_ = false;
  std::string target_;
};

std::unique_ptr<InsideCommand> make_ps(CLI::App& command, const std::string& version);
std::unique_ptr<InsideCommand> make_explain(CLI::App& command, const std::string& version);
std::unique_ptr<InsideCommand> make_pins(CLI::App& command, const std::string& version);
std::unique_ptr<InsideCommand> make_leaks(CLI::App& command, const std::string& version);
std::unique_ptr<InsideCommand> make_why(CLI::App& command, const std::string& version);

}  // namespace arenite::inside
