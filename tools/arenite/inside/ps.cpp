// arenite ps: the processes that run under the library.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "errors.hpp"
#include "inside/look.hpp"
#include "table.hpp"

namespace arenite::inside {
namespace {

struct Row {
  int pid;
  std::string command;
  size_t rss;
  size_t threads;
  Library::Figures figures;
  std::string why_not;  // it has the library, and cannot be read
};

size_t field(const std::string& status, const char* name) {
  const size_t at = status.find(name);
  return at == std::string::npos ? 0 : strtoull(status.c_str() + at + strlen(name), nullptr, 10);
}

class Ps : public InsideCommand {
 public:
  Ps(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "ps", "the processes that run under the library") {
    parser_->footer(
        "live and retained are the library's own figures: whole pages in use, and free ones that "
        "are kept.");
  }

  int run() const override {
    std::vector<Row> rows;
    size_t refused = 0;
    for (const int pid : all_processes()) look_at(pid, rows, refused);
    if (json_) {
      print_json(rows, refused);
    } else {
      print_table(rows, refused);
    }
    return 0;
  }

 private:
  static void look_at(int pid, std::vector<Row>& rows, size_t& refused) {
    // Most have neither memory nor a file that could be the library's.
    const std::string status = read_text(fmt::format("/proc/{}/status", pid));
    if (status.find("VmRSS:") == std::string::npos) return;
    try {
      const std::unique_ptr<Target> target = open_process(pid);
      const Objects objects(*target);
      if (!Library::is_in(objects)) return;
      Row row{
          pid, target->command(), field(status, "VmRSS:") * k_kib, field(status, "Threads:"), {},
          {}};
      try {
        Image image(*target);
        row.figures = Library::find(*target, objects, image).figures(image);
      } catch (const command::UsageError& error) {
        row.why_not = error.what();
      }
      rows.push_back(row);
    } catch (const command::UsageError&) {
      refused++;
    } catch (const command::Failure&) {
      // It ended meanwhile.
    }
  }

  void print_json(const std::vector<Row>& rows, size_t refused) const {
    Json list = Json::array();
    for (const Row& row : rows) {
      Json one{
          {"pid", row.pid}, {"command", row.command}, {"rss", row.rss}, {"threads", row.threads}};
      if (row.why_not.empty()) {
        one["live"] = row.figures.live;
        one["retained"] = row.figures.retained;
        one["bound"] = row.figures.bound;
        one["arenas"] = row.figures.arenas;
        one["mode"] = row.figures.is_classic ? "classic" : "default";
      } else {
        one["error"] = row.why_not;
      }
      list.push_back(one);
    }
    print(Json{{"processes", list}, {"not_readable", refused}});
  }

  static void print_table(const std::vector<Row>& rows, size_t refused) {
    command::Table table({"command", "PID", "RSS", "live", "retained", "threads", "mode"});
    for (const Row& row : rows) {
      const bool is_known = row.why_not.empty();
      table.row({row.command, fmt::format("{}", row.pid), bytes_text(row.rss),
                 is_known ? bytes_text(row.figures.live) : "?",
                 is_known ? bytes_text(row.figures.retained) : "?", fmt::format("{}", row.threads),
                 !is_known                ? "?"
                 : row.figures.is_classic ? "classic"
                                          : "default"});
    }
    fmt::print("{}", table.text(command::standard_output()));
    for (const Row& row : rows) {
      if (!row.why_not.empty()) fmt::print(stderr, "arenite: {}\n", row.why_not);
    }
    if (refused != 0)
      fmt::print(stderr, "arenite: {} processes could not be looked into\n", refused);
  }
};

}  // namespace

std::unique_ptr<InsideCommand> make_ps(CLI::App& command, const std::string& version) {
  return std::make_unique<Ps>(command, version);
}

}  // namespace arenite::inside
