// arenite ps: the processes that run under the library.
#include "inside/sweep.hpp"

namespace arenite::inside {
namespace {

class Ps : public InsideCommand {
 public:
  Ps(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "ps", "the processes that run under the library") {
    parser_->footer(
        "live and retained are the library's own figures: whole pages in use, and free ones that "
        "are kept.");
  }

  int run() const override {
    const Sweep sweep = sweep_all();
    if (json_) {
      print(json_of(sweep));
    } else {
      print_table(sweep);
    }
    return 0;
  }
};

}  // namespace

std::unique_ptr<InsideCommand> make_ps(CLI::App& command, const std::string& version) {
  return std::make_unique<Ps>(command, version);
}

}  // namespace arenite::inside
