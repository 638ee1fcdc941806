// See sweep.hpp.

#include "inside/sweep.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "errors.hpp"
#include "table.hpp"

namespace arenite::inside {
namespace {

size_t field(const std::string& status, const char* name) {
  const size_t at = status.find(name);
  return at == std::string::npos ? 0 : strtoull(status.c_str() + at + strlen(name), nullptr, 10);
}

void look_at(int pid, Sweep& sweep) {
  // Kernel threads have no memory.
  const std::string status = read_text(fmt::format("/proc/{}/status", pid));
  if (status.find("VmRSS:") == std::string::npos) return;
  try {
    const std::unique_ptr<Target> target = open_process(pid);
    const Objects objects(*target);
    if (!Library::is_in(objects)) return;
    Running running{.pid = pid,
                    .command = printable(target->command()),
                    .rss = field(status, "VmRSS:") * k_kib,
                    .threads = field(status, "Threads:"),
                    .figures = {},
                    .why_not = {}};
    try {
      Image image(*target);
      running.figures = Library::find(*target, objects, image).figures(image);
    } catch (const command::UsageError& error) {
      running.why_not = error.what();
    }
    sweep.processes.push_back(running);
  } catch (const command::UsageError&) {
    // It may also have ended since its status was read; that is not a process that hides.
    if (!read_text(fmt::format("/proc/{}/status", pid)).empty()) sweep.not_readable++;
  } catch (const command::Failure&) {
    // It ended meanwhile.
  }
}

}  // namespace

Sweep sweep_all() {
  return sweep_of(all_processes());
}

Sweep sweep_of(const std::vector<int>& pids) {
  Sweep sweep;
  for (const int pid : pids) look_at(pid, sweep);
  return sweep;
}

Json json_of(const Sweep& sweep) {
  Json list = Json::array();
  for (const Running& running : sweep.processes) {
    Json one{{"pid", running.pid},
             {"command", running.command},
             {"rss", running.rss},
             {"threads", running.threads}};
    if (running.is_known()) {
      one["live"] = running.figures.live;
      one["retained"] = running.figures.retained;
      one["bound"] = running.figures.bound;
      one["arenas"] = running.figures.arenas;
      one["mode"] = running.mode();
    } else {
      one["error"] = running.why_not;
    }
    list.push_back(one);
  }
  return {{"processes", list}, {"not_readable", sweep.not_readable}};
}

void print_table(const Sweep& sweep) {
  command::Table table(
      {"command", "PID", "RSS", "live", "retained", "bound", "threads", "arenas", "mode"});
  for (const Running& running : sweep.processes) {
    const auto known = [&](std::string text) { return running.is_known() ? text : "?"; };
    const Library::Figures& figures = running.figures;
    table.row({running.command, fmt::format("{}", running.pid), bytes_text(running.rss),
               known(bytes_text(figures.live)), known(bytes_text(figures.retained)),
               known(bytes_text(figures.bound)), fmt::format("{}", running.threads),
               known(fmt::format("{}", figures.arenas)), running.mode()});
  }
  fmt::print("{}", table.text(command::standard_output()));
  for (const Running& running : sweep.processes) {
    if (!running.is_known()) fmt::print(stderr, "arenite: {}\n", running.why_not);
  }
  if (sweep.not_readable != 0)
    fmt::print(stderr, "arenite: processes that could not be looked into: {}\n",
               sweep.not_readable);
}

void check_process(int pid) {
  const Look look(fmt::format("{}", pid));
}

std::string printable(const std::string& text) {
  // What is not UTF-8 becomes U+FFFD by the way through JSON.
  std::string valid = Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
  for (size_t i = 0; i < valid.size(); i++) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    if (byte < ' ' || byte == 0x7f) valid[i] = '?';
    // U+0080 to U+009F are control characters of two bytes.
    if (byte == 0xc2 && i + 1 < valid.size() && static_cast<unsigned char>(valid[i + 1]) < 0xa0)
      valid.replace(i, 2, "?");
  }
  return valid;
}

}  // namespace arenite::inside
