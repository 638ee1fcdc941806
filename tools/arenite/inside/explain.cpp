// arenite explain: what a process's memory is, until it adds up to the kernel's figure; then the
// largest part in words, and what would change it.
#include <fmt/format.h>

#include <algorithm>

#include "errors.hpp"
#include "figures.hpp"
#include "inside/census.hpp"
#include "table.hpp"

namespace arenite::inside {
namespace {

using command::count_text;

std::string count_of(size_t n) {
  return count_text(static_cast<double>(n));
}

std::string size_text(size_t label) {
  constexpr size_t k_exact = 8 * k_kib;
  return label <= k_exact
             ? fmt::format("blocks of {} bytes", count_of(label))
             : fmt::format("blocks of {} to {}", bytes_text(label / 2), bytes_text(label));
}

class Explain : public InsideCommand {
 public:
  Explain(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "explain",
                      "what a process's memory is, and what would change it") {
    take_target("PID|CORE", "a process under the library, or a core file of one");
    parser_->footer(
        "Bytes of resident memory. 'pinned': free, in pages that blocks keep from going. A core "
        "file "
        "does not tell\nwhat was resident: there it is every page that is not zero.");
  }

  int run() const override {
    if (target_.empty()) throw command::UsageError("explain what? arenite explain PID|CORE");
    Look look(target_);
    const Census census = take_census(look);
    const Library::Figures figures = look.library().figures(look.image());
    if (json_) {
      print_json(look, census);
    } else {
      print_text(look, census, figures);
    }
    return 0;
  }

 private:
  static constexpr size_t k_shown = 8;

  static std::vector<std::pair<size_t, Census::Size>> sizes_of(const Census& census) {
    std::vector<std::pair<size_t, Census::Size>> sizes(census.live_by_size.begin(),
                                                       census.live_by_size.end());
    std::stable_sort(sizes.begin(), sizes.end(),
                     [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
    return sizes;
  }
  static std::vector<std::pair<std::string, size_t>> sorted(
      const std::map<std::string, size_t>& by_name) {
    std::vector<std::pair<std::string, size_t>> all(by_name.begin(), by_name.end());
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    return all;
  }
  static size_t sum_of(const std::map<std::string, size_t>& by_name) {
    size_t sum = 0;
    for (const auto& [name, bytes] : by_name) sum += bytes;
    return sum;
  }

  void print_json(Look& look, const Census& census) const {
    Json sizes = Json::array();
    for (const auto& [label, size] : sizes_of(census))
      sizes.push_back({{"block_bytes", label}, {"blocks", size.blocks}, {"bytes", size.bytes}});
    Json files = Json::object();
    for (const auto& [name, bytes] : sorted(census.files)) files[name] = bytes;
    Json others = Json::object();
    for (const auto& [name, bytes] : sorted(census.others)) others[name] = bytes;
    print(Json{{"target", look.target().name()},
               {"rss", census.rss},
               {"live", census.live},
               {"live_by_size", sizes},
               {"pinned", census.pinned},
               {"free_pages", census.free_pages},
               {"moving", census.moving},
               {"bookkeeping", census.bookkeeping},
               {"library", census.library},
               {"stacks", census.stacks},
               {"files", files},
               {"others", others},
               {"unexplained", census.unexplained()},
               {"swapped_pages", look.target().swapped()}});
  }

  static void print_text(Look& look, const Census& census, const Library::Figures& figures) {
    warn_of_gaps(look);
    fmt::print("{} ({}): {} {}\n\n", look.target().name(), look.target().command(),
               bytes_text(census.rss),
               look.target().is_live() ? "resident" : "in pages that are not zero");
    command::Table table({"", "bytes", "of all"});
    const auto row = [&](const std::string& name, size_t bytes) {
      const double share =
          census.rss == 0 ? 0
                          : 100.0 * static_cast<double>(bytes) / static_cast<double>(census.rss);
      table.row({name, bytes_text(bytes), fmt::format("{:.1f} %", share)});
    };
    row("live", census.live);
    const auto sizes = sizes_of(census);
    size_t rest = census.live;
    for (size_t i = 0; i < sizes.size() && i < k_shown; i++) {
      row(fmt::format("  {} {}", count_of(sizes[i].second.blocks), size_text(sizes[i].first)),
          sizes[i].second.bytes);
      rest -= sizes[i].second.bytes;
    }
    if (rest != 0) row("  of other sizes", rest);
    row("pinned", census.pinned);
    row("free pages, kept", census.free_pages);
    if (census.moving != 0) row("moving", census.moving);
    row("bookkeeping", census.bookkeeping);
    row("the library", census.library);
    row("thread stacks", census.stacks);
    name_rows(row, "files", census.files);
    name_rows(row, "other mappings", census.others);
    table.row({"unexplained", signed_text(census.unexplained()), ""});
    fmt::print("{}\n{}\n", table.text(command::standard_output()), advice(look, census, figures));
  }

  template <typename Row>
  static void name_rows(Row row, const char* heading,
                        const std::map<std::string, size_t>& by_name) {
    const auto all = sorted(by_name);
    row(heading, sum_of(by_name));
    size_t rest = sum_of(by_name);
    for (size_t i = 0; i < all.size() && i < k_shown; i++) {
      row("  " + all[i].first, all[i].second);
      rest -= all[i].second;
    }
    if (rest != 0) row("  others", rest);
  }

  static std::string signed_text(ptrdiff_t bytes) {
    return bytes < 0 ? "-" + bytes_text(static_cast<size_t>(-bytes))
                     : bytes_text(static_cast<size_t>(bytes));
  }

  // The largest part, its cause, and what changes it.
  static std::string advice(Look& look, const Census& census, const Library::Figures& figures) {
    const std::string who =
        look.target().is_live() ? fmt::format("{}", look.target().pid()) : "CORE";
    const size_t files = sum_of(census.files) + census.library;
    const size_t others = sum_of(census.others);
    const size_t most = std::max({census.live, census.pinned, census.free_pages, census.bookkeeping,
                                  census.stacks, files, others});
    if (most == census.live && most != 0) {
      const auto largest = sizes_of(census).front();
      return fmt::format(
          "Most of it is live: {}, of which {} in {} {}.\n`arenite leaks {}` tells which blocks "
          "nothing points to any more.",
          bytes_text(census.live), bytes_text(largest.second.bytes),
          count_of(largest.second.blocks), size_text(largest.first), who);
    }
    if (most == census.pinned)
      return fmt::format(
          "Most of it is pinned: {} are free, in {} pages each of which some block "
          "keeps.\n`arenite "
          "pins {}` names these blocks; no setting moves them.",
          bytes_text(census.pinned), count_of(census.pinning_pages), who);
    if (most == census.free_pages)
      return fmt::format(
          "Most of it is free pages that are kept for the next requests: {} (the bound is {}).\n"
          "malloc_trim(0) returns them at once; with ARENITE_BACKGROUND_PURGE=1 they go after a "
          "second without reuse.",
          bytes_text(census.free_pages), bytes_text(figures.bound));
    if (most == census.bookkeeping)
      return fmt::format("Most of it is the library's bookkeeping: {}.", bytes_text(most));
    if (most == census.stacks)
      return fmt::format(
          "Most of it is thread stacks: {} for {} threads. Fewer threads, or smaller stacks "
          "(`ulimit -s`,\npthread_attr_setstacksize), make it less.",
          bytes_text(most), look.target().threads().size());
    if (most == files)
      return fmt::format(
          "Most of it is files, the program's own code and data among them: {}. The kernel takes "
          "their pages back\nwhen it needs memory, but for what was written.",
          bytes_text(files));
    return fmt::format(
        "Most of it are mappings that are not the library's: {}. They are the program's own mmap "
        "calls, or another\nallocator's.",
        bytes_text(others));
  }
};

}  // namespace

std::unique_ptr<InsideCommand> make_explain(CLI::App& command, const std::string& version) {
  return std::make_unique<Explain>(command, version);
}

}  // namespace arenite::inside
