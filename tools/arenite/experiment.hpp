// What an experiment of the lab is, to the command: a program to run, and how to show what it says.
//
// The program (in lab/) does the work and prints a line of JSON for each step and for each row of a
// table; it knows nothing of allocators. The command runs it once under each allocator, and again
// for each variant (other settings, or built for 32-bit), and shows the runs side by side; it knows
// nothing of what the program does. This description is all that lies between: lab/README.md says
// how an experiment is added.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "allocators.hpp"

namespace arenite::command {

using Json = nlohmann::ordered_json;  // keeps the order in which figures were given

// One line of the program's output: a step, or a row of a table.
class Step {
 public:
  Step(std::string name, const Json& figures);

  const std::string& name() const { return name_; }
  const Json& figures() const { return *figures_; }

  // Whether the program could give this figure; null stands for one that it could not.
  bool has(const std::string& figure) const;
  // The figure by this name. Throws Failure where the program did not give it.
  double number(const std::string& figure) const;
  std::string text(const std::string& figure) const;

 private:
  std::string name_;  // of a row: its key as text
  std::shared_ptr<const Json> figures_;
};

// The rows that a run printed of one table.
struct Rows {
  std::string table;
  std::vector<Step> rows;
};

// What one allocator made of it, in one variant.
struct Run {
  Allocator allocator;
  std::vector<Step> steps;
  std::string variant = {};  // its name; empty: as it is
  std::vector<Rows> tables = {};

  const Step& step(const std::string& name) const;
  const std::vector<Step>& rows(const std::string& table) const;  // empty where there were none
  // The row whose key is this. Throws Failure where there is none.
  const Step& row(const std::string& table, const std::string& key) const;
};

// A heading of a table: one figure, or a few that belong together, for each step and allocator.
struct Section {
  std::string title;
  std::string (*cell)(const Step&);
};

// A table of rows that the program prints beside its steps: a line for each key, a column for each
// allocator, under each section's heading.
struct RowTable {
  std::string name;   // what the program calls it
  std::string key;    // the figure that names a row
  std::string title;  // what the rows are
  std::vector<Section> sections;
  bool is_folded = false;  // rows in a line with the same cells become one, "1 to 24"
};

// A curve for each allocator: one figure of a table's rows over another.
struct CurvePlot {
  std::string title;
  std::string table;
  std::string x;
  std::string y;
  std::string x_title;
  double y_unit = 1;        // y is divided by this: k_mib for bytes in MiB
  std::string beside = {};  // one more curve: a figure that does not depend on the allocator
  std::string beside_label = {};
};

// A number that the program takes as --name.
struct NumberOption {
  std::string name;
  std::string help;
  uint64_t value;
  uint64_t minimum;
  uint64_t maximum;
  uint64_t quick = 0;  // the value under `lab all --quick`; 0: the same
  uint64_t brief = 0;  // the value under --brief; 0: the same
};

// The same program once more, under other conditions.
struct Variant {
  std::string name;                           // "m32"; in --json
  std::string title;                          // above its table
  std::vector<std::string> environment = {};  // NAME=VALUE
  std::vector<std::string> arguments = {};    // after the options
  bool is_32_bit = false;                     // the program and the library built for 32-bit x86
  std::vector<std::string> allocators = {};  // only these, of those that were asked for; empty: all
};

// A column of the table that sums an experiment up: a figure of a run, as text.
struct Finding {
  std::string title;  // with its unit
  std::string (*cell)(const Run& run);
};

struct Experiment {
  std::string name;     // as in `arenite lab NAME`; its page is lab/NAME.md
  std::string summary;  // one line; {name} in it stands for the option's value (summary_of)
  std::string program;  // in lab/
  std::vector<NumberOption> options = {};
  std::vector<std::string> steps = {};  // in the order in which the program prints them
  std::vector<Section> sections = {};
  std::vector<RowTable> tables = {};
  std::string plot_title = {};   // empty: no bars
  std::string plot_figure = {};  // drawn for each step, in MiB
  std::vector<CurvePlot> curves = {};
  std::vector<Variant> variants = {};  // besides the program as it is
  std::vector<Finding> findings = {};  // the deciding one first
  std::string deciding_step = {};      // whose bars say most; empty: the plots or findings do
  bool is_traced = true;  // false where counting calls to the kernel would spoil the times
  // What was gained, in whole sentences reckoned from the figures of all runs.
  std::vector<std::string> (*conclude)(const std::vector<Run>& runs,
                                       const std::vector<NumberOption>& options) = nullptr;
  // For `--brief`, which an experiment has that has these: what was gained in three lines at most,
  // and the sections of the one table below them.
  std::vector<std::string> (*answer)(const std::vector<Run>& runs,
                                     const std::vector<NumberOption>& options) = nullptr;
  std::vector<Section> brief_sections = {};
};

// The summary, with the options' values in it.
std::string summary_of(const Experiment& experiment);

// The experiment as --brief runs and shows it: no variants, no plots, the answer as its conclusion.
Experiment brief_of(Experiment experiment);

// All experiments, in the order in which they are listed.
const std::vector<Experiment>& all_experiments();

}  // namespace arenite::command
