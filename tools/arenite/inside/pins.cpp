// arenite pins: the blocks that keep the most otherwise free pages resident, by their size, and by
// who points to them.
//
// A page counts if half of it or more is free. What is free in it is shared out among its blocks.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "errors.hpp"
#include "figures.hpp"
#include "inside/look.hpp"

namespace arenite::inside {
namespace {

struct Pin {
  Block block;
  size_t kept;
};

struct Sum {
  size_t blocks = 0;
  size_t kept = 0;

  void add(const Pin& pin) {
    blocks++;
    kept += pin.kept;
  }
};

struct Group {
  size_t block_bytes;
  Sum all;
  uintptr_t first;
  std::vector<std::pair<std::string, Sum>> roots;  // most bytes first
};

std::string count_of(size_t n) {
  return command::count_text(static_cast<double>(n));
}

// Pages of a space, and what of each its blocks take.
class SpacePages {
 public:
  SpacePages(Look& look, const Space& space)
      : heap_(look.heap()),
        space_(space),
        page_(look.target().page_size()),
        begin_(align_down(space.begin, page_)),
        pages_((align_up(space.end, page_) - begin_) / page_),
        live_(pages_),
        blocks_(pages_),
        resident_(pages_ / 64 + 1) {
    look.target().resident(begin_, pages_, resident_.data());
    heap_.for_each_block(space_, [&](const Block& block) {
      for_each_page(block, [&](size_t page, size_t bytes) {
        live_[page] += static_cast<uint32_t>(bytes);
        blocks_[page]++;
      });
    });
  }

  void add_pins(std::vector<Pin>& pins) const {
    heap_.for_each_block(space_, [&](const Block& block) {
      size_t kept = 0;
      for_each_page(block, [&](size_t page, size_t /*bytes*/) {
        const bool is_resident = (resident_[page / 64] >> page % 64 & 1) != 0;
        const size_t free = page_ - std::min<size_t>(page_, live_[page]);
        if (is_resident && free * 2 >= page_) kept += free / blocks_[page];
      });
      if (kept != 0) pins.push_back({block, kept});
    });
  }

 private:
  template <typename Visit>
  void for_each_page(const Block& block, Visit visit) const {
    for (uintptr_t at = block.start; at < block.end();) {
      const size_t page = (at - begin_) / page_;
      const uintptr_t end = std::min(block.end(), begin_ + (page + 1) * page_);
      visit(page, end - at);
      at = end;
    }
  }

  const Heap& heap_;
  const Space& space_;
  const size_t page_;
  const uintptr_t begin_;
  const size_t pages_;
  std::vector<uint32_t> live_;
  std::vector<uint32_t> blocks_;
  std::vector<uint64_t> resident_;
};

class Pins : public InsideCommand {
 public:
  Pins(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "pins", "which blocks keep pages that are otherwise free") {
    take_target("PID|CORE", "a process under the library, or a core file of one");
    parser_->add_option("--most", most_, "sizes that are shown")
        ->type_name("N")
        ->capture_default_str();
    parser_->footer(
        "A page counts if half of it or more is free; what is free in it is shared out among its "
        "blocks. Where a block\nis reached from is the beginning of a shortest chain of pointers.");
  }

  int run() const override {
    if (target_.empty()) throw command::UsageError("pins of what? arenite pins PID|CORE");
    Look look(target_);
    std::vector<Pin> pins;
    for (const Space& space : look.heap().spaces()) {
      // A large block shares no page.
      if (space.kind == Space::Kind::large || space.block_count == 0) continue;
      SpacePages(look, space).add_pins(pins);
    }
    const std::vector<Group> groups = pins.empty() ? std::vector<Group>() : grouped(look, pins);
    Sum all;
    for (const Pin& pin : pins) all.add(pin);
    if (json_) {
      print_json(look, all, groups);
    } else {
      print_text(look, all, groups);
    }
    return 0;
  }

 private:
  static constexpr size_t k_roots_shown = 3;

  static bool keeps_more(const Sum& a, const Sum& b) { return a.kept > b.kept; }

  static std::string root_of(Look& look, const Graph& graph, const Block& block) {
    if (!graph.is_reached(block.number)) return "nothing: leaked";
    const Graph::Way way = graph.way_to(block.number);
    return way.is_register ? fmt::format("a register of thread {}", way.root)
                           : look.roots().group_of(way.root);
  }

  static std::vector<Group> grouped(Look& look, const std::vector<Pin>& pins) {
    const Graph& graph = look.graph(Graph::Remember::ways);
    struct Gathered {
      Sum all;
      uintptr_t first = 0;
      std::map<std::string, Sum> roots;
    };
    std::map<size_t, Gathered> by_size;
    for (const Pin& pin : pins) {
      Gathered& group = by_size[pin.block.bytes];
      if (group.all.blocks == 0) group.first = pin.block.start;
      group.all.add(pin);
      group.roots[root_of(look, graph, pin.block)].add(pin);
    }
    std::vector<Group> groups;
    for (auto& [bytes, gathered] : by_size) {
      Group group{bytes, gathered.all, gathered.first, {}};
      group.roots.assign(gathered.roots.begin(), gathered.roots.end());
      std::stable_sort(group.roots.begin(), group.roots.end(),
                       [](const auto& a, const auto& b) { return keeps_more(a.second, b.second); });
      groups.push_back(std::move(group));
    }
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return keeps_more(a.all, b.all); });
    return groups;
  }

  void print_json(Look& look, const Sum& all, const std::vector<Group>& groups) const {
    Json list = Json::array();
    for (const Group& group : groups) {
      Json roots = Json::array();
      for (const auto& [name, sum] : group.roots)
        roots.push_back({{"root", name}, {"blocks", sum.blocks}, {"kept", sum.kept}});
      list.push_back({{"block_bytes", group.block_bytes},
                      {"blocks", group.all.blocks},
                      {"kept", group.all.kept},
                      {"first", fmt::format("{:#x}", group.first)},
                      {"roots", roots}});
    }
    print(Json{{"target", look.target().name()},
               {"blocks", all.blocks},
               {"kept", all.kept},
               {"groups", list}});
  }

  void print_text(Look& look, const Sum& all, const std::vector<Group>& groups) const {
    warn_of_gaps(look);
    fmt::print("{} ({}): {} blocks keep {} in pages that are otherwise free\n",
               look.target().name(), look.target().command(), count_of(all.blocks),
               bytes_text(all.kept));
    for (size_t i = 0; i < groups.size() && i < most_; i++) {
      const Group& group = groups[i];
      fmt::print("\n{} blocks of {} bytes keep {}; the first is at {:#x}\n",
                 count_of(group.all.blocks), count_of(group.block_bytes),
                 bytes_text(group.all.kept), group.first);
      for (size_t r = 0; r < group.roots.size() && r < k_roots_shown; r++) {
        const auto& [name, sum] = group.roots[r];
        fmt::print("  {} of them, {}, are reached from {}\n", count_of(sum.blocks),
                   bytes_text(sum.kept), name);
      }
      if (group.roots.size() > k_roots_shown)
        fmt::print("  and from {} places more\n", count_of(group.roots.size() - k_roots_shown));
    }
    if (groups.size() > most_) fmt::print("\nand {} sizes more (--most)\n", groups.size() - most_);
  }

  size_t most_ = 5;
};

}  // namespace

std::unique_ptr<InsideCommand> make_pins(CLI::App& command, const std::string& version) {
  return std::make_unique<Pins>(command, version);
}

}  // namespace arenite::inside
