// See metrics.hpp.

#include "inside/metrics.hpp"

#include <fmt/format.h>

namespace arenite::inside {
namespace {

struct Metric {
  const char* name;
  const char* unit;  // "": none; otherwise the name ends in it
  const char* help;
  size_t (*value)(const Running&);
  bool is_from_kernel;  // so it is there even if the library cannot be read
};

constexpr Metric k_metrics[] = {
    {"arenite_resident_memory_bytes", "bytes", "Resident memory of the process (VmRSS).",
     [](const Running& running) { return running.rss; }, true},
    {"arenite_threads", "", "Threads of the process.",
     [](const Running& running) { return running.threads; }, true},
    {"arenite_live_bytes", "bytes", "Heap pages in use, as the library counts them.",
     [](const Running& running) { return running.figures.live; }, false},
    {"arenite_retained_bytes", "bytes", "Free heap pages that the library keeps.",
     [](const Running& running) { return running.figures.retained; }, false},
    {"arenite_retained_bound_bytes", "bytes", "The most free heap pages that the library keeps.",
     [](const Running& running) { return running.figures.bound; }, false},
    {"arenite_arenas", "", "Arenas of the library.",
     [](const Running& running) { return running.figures.arenas; }, false},
};

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

std::string labels(const Running& running) {
  return fmt::format(R"(pid="{}",command="{}")", running.pid, escaped(running.command));
}

std::string head(const char* name, const char* type, const char* unit, const char* help) {
  std::string text = fmt::format("# TYPE {} {}\n", name, type);
  if (*unit != '\0') text += fmt::format("# UNIT {} {}\n", name, unit);
  return text + fmt::format("# HELP {} {}\n", name, help);
}

}  // namespace

std::string metrics_text(const Sweep& sweep, double seconds) {
  std::string text =
      head("arenite_process", "info", "", "A process under the library, and the library's mode.");
  for (const Running& running : sweep.processes)
    text += fmt::format("arenite_process_info{{{},mode=\"{}\"}} 1\n", labels(running),
                        running.is_known() ? running.mode() : "unknown");
  for (const Metric& metric : k_metrics) {
    text += head(metric.name, "gauge", metric.unit, metric.help);
    for (const Running& running : sweep.processes) {
      if (metric.is_from_kernel || running.is_known())
        text += fmt::format("{}{{{}}} {}\n", metric.name, labels(running), metric.value(running));
    }
  }
  text += head("arenite_exporter_unreadable_processes", "gauge", "",
               "Processes that the exporter has no right to look into.");
  text += fmt::format("arenite_exporter_unreadable_processes {}\n", sweep.not_readable);
  text += head("arenite_exporter_sweep_duration_seconds", "gauge", "seconds",
               "How long reading these figures took.");
  text += fmt::format("arenite_exporter_sweep_duration_seconds {:.6f}\n", seconds);
  return text + "# EOF\n";
}

}  // namespace arenite::inside
