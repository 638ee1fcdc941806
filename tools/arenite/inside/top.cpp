// arenite top: the processes under the library on a terminal, as they change.
//
//   arenite top   2 processes   RSS 1.21 GiB   live 1.10 GiB   every 1 s
//     PID command             RSS              live          retained threads
//    4711 server         1.20 GiB ▅▆▆▇██  1.10 GiB ▃▅▆▇██   16.0 MiB       8
//   q quit  i inverse  sort: *r RSS  l live  k retained  t threads  c command  p PID
//
// A sparkline has one figure of the past a column; all of a process's share one scale, from 0 to
// its largest.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>

#include "errors.hpp"
#include "inside/look.hpp"
#include "inside/screen.hpp"
#include "inside/sweep.hpp"
#include "inside/watch.hpp"
#include "table.hpp"

namespace arenite::inside {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t k_history = 8;

// A key, and what it sorts by: the most first, but names and numbers of processes upwards.
struct Order {
  char key;
  const char* name;
  bool (*is_before)(const Running&, const Running&);
};

template <auto value>
bool has_more(const Running& a, const Running& b) {
  return value(a) > value(b);
}

constexpr size_t rss_of(const Running& running) {
  return running.rss;
}
constexpr size_t live_of(const Running& running) {
  return running.figures.live;
}
constexpr size_t retained_of(const Running& running) {
  return running.figures.retained;
}
constexpr size_t threads_of(const Running& running) {
  return running.threads;
}

constexpr std::array k_orders = {
    Order{'r', "RSS", has_more<rss_of>},
    Order{'l', "live", has_more<live_of>},
    Order{'k', "retained", has_more<retained_of>},
    Order{'t', "threads", has_more<threads_of>},
    Order{'c', "command", [](const Running& a, const Running& b) { return a.command < b.command; }},
    Order{'p', "PID", [](const Running& a, const Running& b) { return a.pid < b.pid; }},
};

void sort(std::vector<Running>& all, const Order& order, bool is_inverse) {
  // Ties by number, so that equal ones do not change places.
  std::sort(all.begin(), all.end(),
            [](const Running& a, const Running& b) { return a.pid < b.pid; });
  std::stable_sort(all.begin(), all.end(), [&](const Running& a, const Running& b) {
    return is_inverse ? order.is_before(b, a) : order.is_before(a, b);
  });
}

using History = std::deque<size_t>;

std::string sparkline(const History& history, bool is_utf8) {
  static constexpr std::array k_blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array k_letters = {"_", ".", ",", "-", "=", "+", "*", "#"};
  size_t most = 1;
  for (const size_t value : history) most = std::max(most, value);
  std::string text(k_history - history.size(), ' ');
  for (const size_t value : history) {
    const auto step =
        static_cast<size_t>(static_cast<double>(value) / static_cast<double>(most) * 7.99);
    text += is_utf8 ? k_blocks[step] : k_letters[step];
  }
  return text;
}

// The first `columns` characters, filled up with spaces.
std::string fitted(const std::string& text, size_t columns) {
  std::string result;
  size_t taken = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (begins && ++taken > columns) break;
    result += text[i];
  }
  return result + std::string(columns - std::min(columns, taken), ' ');
}

class Watching {
 public:
  Watching(std::vector<int> pids, double interval) : pids_(std::move(pids)), interval_(interval) {}

  int run() {
    const int signal = watch();
    if (signal != 0) end_by(signal);
    return 0;
  }

 private:
  struct Past {
    History rss;
    History live;
  };

  // 0, or the signal to end by.
  int watch() {
    Screen screen;
    const auto pause =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(interval_));
    for (;;) {
      look();
      const Clock::time_point next = Clock::now() + pause;
      for (bool is_waiting = true; is_waiting;) {
        screen.draw(lines(screen.size()));
        const Screen::Event event = screen.wait(next);
        switch (event.what) {
          case Screen::Event::What::signal:
            return event.value;
          case Screen::Event::What::gone:
            return 0;
          case Screen::Event::What::timeout:
            is_waiting = false;
            break;
          case Screen::Event::What::resized:
            break;
          case Screen::Event::What::key:
            if (event.value == 'q') return 0;
            take_key(static_cast<char>(event.value));
        }
      }
    }
  }

  void look() {
    sweep_ = pids_.empty() ? sweep_all() : sweep_of(pids_);
    std::map<int, Past> past;  // of those that are still there
    for (const Running& running : sweep_.processes) {
      Past& one = past[running.pid] = std::move(past_[running.pid]);
      add(one.rss, running.rss);
      add(one.live, running.figures.live);
    }
    past_ = std::move(past);
  }
  static void add(History& history, size_t value) {
    history.push_back(value);
    if (history.size() > k_history) history.pop_front();
  }

  void take_key(char key) {
    for (const Order& order : k_orders) {
      if (order.key == key) order_ = &order;
    }
    if (key == 'i') is_inverse_ = !is_inverse_;
  }

  std::vector<std::string> lines(Screen::Size size) {
    sort(sweep_.processes, *order_, is_inverse_);
    size_t rss = 0;
    size_t live = 0;
    for (const Running& running : sweep_.processes) {
      rss += running.rss;
      live += running.figures.live;
    }
    const size_t count = sweep_.processes.size();
    std::string summary = fmt::format("arenite top   {} {}   RSS {}   live {}   every {:g} s",
                                      count, count == 1 ? "process" : "processes", bytes_text(rss),
                                      bytes_text(live), interval_);
    if (sweep_.not_readable != 0) summary += fmt::format("   {} not readable", sweep_.not_readable);
    std::vector<std::string> all = {terminal_.bold(fitted(summary, size.columns)),
                                    fitted(heading(), size.columns)};
    constexpr size_t k_others = 3;  // these two, and the keys
    const size_t room = size.rows > k_others ? size.rows - k_others : 0;
    const size_t shown = count <= room ? count : std::max<size_t>(room, 1) - 1;
    for (size_t i = 0; i < shown; i++)
      all.push_back(fitted(line(sweep_.processes[i]), size.columns));
    if (shown < count && room != 0)
      all.push_back(fitted(fmt::format("... and {} more", count - shown), size.columns));
    while (all.size() + 1 < size.rows) all.emplace_back();
    all.push_back(terminal_.bold(fitted(keys(), size.columns)));
    all.resize(std::min(all.size(), size.rows));
    return all;
  }

  // What is widest comes first, what may be cut off last.
  static std::string heading() {
    return fmt::format("{:>8} {:16}{:>10} {:8} {:>10} {:8} {:>10} {:>4} {:>10} {:>6} {}", "PID",
                       "command", "RSS", "", "live", "", "retained", "thr.", "bound", "arenas",
                       "mode");
  }
  std::string line(const Running& running) {
    const auto known = [&](std::string text) { return running.is_known() ? text : "?"; };
    const Past& past = past_[running.pid];
    return fmt::format("{:>8} {}{:>10} {} {:>10} {} {:>10} {:>4} {:>10} {:>6} {}", running.pid,
                       fitted(running.command, 16), bytes_text(running.rss),
                       sparkline(past.rss, terminal_.utf8), known(bytes_text(running.figures.live)),
                       sparkline(past.live, terminal_.utf8),
                       known(bytes_text(running.figures.retained)), running.threads,
                       known(bytes_text(running.figures.bound)),
                       known(fmt::format("{}", running.figures.arenas)), running.mode());
  }
  std::string keys() const {
    std::string text = "q quit  i inverse  sort:";
    for (const Order& order : k_orders)
      text += fmt::format("{}{} {}", &order == order_ ? " *" : "  ", order.key, order.name);
    return text;
  }

  std::vector<int> pids_;
  double interval_;
  command::Terminal terminal_ = command::standard_output();
  const Order* order_ = &k_orders.front();
  bool is_inverse_ = false;
  Sweep sweep_;
  std::map<int, Past> past_;
};

}  // namespace

TopCommand::TopCommand(CLI::App& command, const std::string& version)
    : parser_(command.add_subcommand(
          "top", "the processes under the library on a terminal, as they change")) {
  parser_->set_version_flag("--version", version);
  parser_->add_option("PID", pids_, "these processes alone")->type_name("");
  CLI::Option* const once =
      parser_->add_flag("--once", once_, "print them once, most RSS first, and end");
  parser_->add_flag("--json", json_, "with --once: as JSON")->needs(once);
  parser_->add_option("--interval", interval_, "how long between two looks: 0.1 to 3600 seconds")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  std::string keys;
  for (const Order& order : k_orders) keys += fmt::format("{} by {}, ", order.key, order.name);
  parser_->footer("Keys: " + keys + "i inverse, q quit.");
}

int TopCommand::run() const {
  if (!once_ && !Screen::is_possible())
    throw command::UsageError("top needs a terminal; --once does without");
  for (const int pid : pids_) check_process(pid);
  if (!once_) return Watching(pids_, interval_).run();
  Sweep sweep = pids_.empty() ? sweep_all() : sweep_of(pids_);
  sort(sweep.processes, k_orders.front(), false);
  if (json_) {
    fmt::print("{}\n", json_of(sweep).dump(2));
  } else {
    print_table(sweep);
  }
  return 0;
}

}  // namespace arenite::inside
