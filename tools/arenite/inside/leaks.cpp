// arenite leaks: blocks that nothing reachable points to.
//
// Of a process that goes on a scan is no single moment: a pointer that moves meanwhile may be seen
// nowhere, and a block that is freed meanwhile is one that nothing points to. So only what two
// scans find, some seconds apart, counts, and the scans go on until one takes nothing away any
// more.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "errors.hpp"
#include "figures.hpp"
#include "inside/look.hpp"
#include "table.hpp"

namespace arenite::inside {
namespace {

struct Leak {
  uintptr_t start;
  size_t bytes;

  bool operator<(const Leak& other) const {
    return start != other.start ? start < other.start : bytes < other.bytes;
  }
};

struct Group {
  size_t block_bytes;
  std::string what;
  std::string sample;  // of text
  size_t count = 0;
  size_t bytes = 0;
  uintptr_t first = 0;
};

struct Scan {
  std::vector<Leak> leaks;
  size_t blocks;
  size_t bytes;
};

class Leaks : public InsideCommand {
 public:
  Leaks(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "leaks", "blocks that nothing points to any more") {
    take_target("PID|CORE", "a process under the library, or a core file of one");
    parser_->add_option("--between", between_, "seconds between the first two scans of a process")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 3600.0))
        ->capture_default_str();
    parser_->add_option("--most", most_, "groups that are shown")
        ->type_name("N")
        ->capture_default_str();
    parser_->footer(
        "Any word that is an address inside a block keeps that block. A process is not stopped, so "
        "a pointer that is\nonly in a register of a waiting thread is not seen: a core file has "
        "them all.");
  }

  int run() const override {
    if (target_.empty()) throw command::UsageError("leaks of what? arenite leaks PID|CORE");
    auto look = std::make_unique<Look>(target_);
    Scan scan = scan_once(*look);
    for (int scans = 1; look->target().is_live() && !scan.leaks.empty() && scans < k_most_scans;
         scans++) {
      look.reset();
      if (scans == 1) std::this_thread::sleep_for(std::chrono::duration<double>(between_));
      look = std::make_unique<Look>(target_);
      Scan next = scan_once(*look);
      std::vector<Leak> both;
      std::set_intersection(scan.leaks.begin(), scan.leaks.end(), next.leaks.begin(),
                            next.leaks.end(), std::back_inserter(both));
      const bool is_stable = both.size() == scan.leaks.size();
      next.leaks = std::move(both);
      scan = std::move(next);
      if (is_stable) break;
    }
    const std::vector<Group> groups = grouped(*look, scan.leaks);
    if (json_) {
      print_json(*look, scan, groups);
    } else {
      print_text(*look, scan, groups);
    }
    return 0;
  }

 private:
  static constexpr int k_most_scans = 8;

  static Scan scan_once(Look& look) {
    const Graph& graph = look.graph(Graph::Remember::nothing);
    const Heap& heap = look.heap();
    Scan scan{{}, heap.block_count(), heap.live_bytes()};
    for (uint32_t i = 0; i < heap.block_count(); i++) {
      if (graph.is_reached(i)) continue;
      const Block block = heap.block(i);
      scan.leaks.push_back({block.start, block.bytes});
    }
    std::sort(scan.leaks.begin(), scan.leaks.end());
    return scan;
  }

  static std::vector<Group> grouped(Look& look, const std::vector<Leak>& leaks) {
    std::map<std::pair<size_t, std::string>, Group> groups;
    for (const Leak& leak : leaks) {
      const Hint hint = hint_of(look, {0, leak.start, leak.bytes});
      const std::string what = !hint.type.empty() ? hint.type : hint.text.empty() ? "" : "text";
      Group& group = groups[{leak.bytes, what}];
      if (group.count++ == 0) {
        group.block_bytes = leak.bytes;
        group.what = what;
        group.sample = hint.text;
        group.first = leak.start;
      }
      group.bytes += leak.bytes;
    }
    std::vector<Group> all;
    for (auto& [key, group] : groups) all.push_back(group);
    std::stable_sort(all.begin(), all.end(),
                     [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
    return all;
  }

  static size_t sum_of(const std::vector<Leak>& leaks) {
    size_t sum = 0;
    for (const Leak& leak : leaks) sum += leak.bytes;
    return sum;
  }

  void print_json(Look& look, const Scan& scan, const std::vector<Group>& groups) const {
    Json list = Json::array();
    for (const Group& group : groups) {
      Json one{{"block_bytes", group.block_bytes},
               {"count", group.count},
               {"bytes", group.bytes},
               {"what", group.what},
               {"first", fmt::format("{:#x}", group.first)}};
      if (!group.sample.empty()) one["text"] = group.sample;
      list.push_back(one);
    }
    print(Json{{"target", look.target().name()},
               {"blocks", scan.blocks},
               {"bytes", scan.bytes},
               {"leaked_blocks", scan.leaks.size()},
               {"leaked_bytes", sum_of(scan.leaks)},
               {"moving", look.heap().moving().size()},
               {"swapped_pages", look.target().swapped()},
               {"groups", list}});
  }

  void print_text(Look& look, const Scan& scan, const std::vector<Group>& groups) const {
    warn_of_gaps(look);
    fmt::print("{} ({}): {} of {} blocks are leaked, {} of {}\n", look.target().name(),
               look.target().command(), command::count_text(static_cast<double>(scan.leaks.size())),
               command::count_text(static_cast<double>(scan.blocks)),
               bytes_text(sum_of(scan.leaks)), bytes_text(scan.bytes));
    if (groups.empty()) return;
    command::Table table({"what", "blocks", "of bytes", "in all", "the first at"});
    for (size_t i = 0; i < groups.size() && i < most_; i++) {
      const Group& group = groups[i];
      const std::string what = group.what.empty()     ? "?"
                               : group.sample.empty() ? group.what
                                                      : fmt::format("text \"{}\"", group.sample);
      table.row({what, command::count_text(static_cast<double>(group.count)),
                 command::count_text(static_cast<double>(group.block_bytes)),
                 bytes_text(group.bytes), fmt::format("{:#x}", group.first)});
    }
    fmt::print("\n{}", table.text(command::standard_output()));
    if (groups.size() > most_) fmt::print("and {} groups more (--most)\n", groups.size() - most_);
  }

  double between_ = 2;
  size_t most_ = 20;
};

}  // namespace

std::unique_ptr<InsideCommand> make_leaks(CLI::App& command, const std::string& version) {
  return std::make_unique<Leaks>(command, version);
}

}  // namespace arenite::inside
