// arenite why: what an address is, and the shortest chain of pointers that keeps it alive.
#include <fmt/format.h>

#include <charconv>

#include "errors.hpp"
#include "inside/look.hpp"

namespace arenite::inside {
namespace {

using command::UsageError;

const char* kind_name(Space::Kind kind) {
  switch (kind) {
    case Space::Kind::slabs:
      return "slab";
    case Space::Kind::runs:
      return "span";
    case Space::Kind::chunks:
      return "chunk";
    case Space::Kind::large:
      return "mapping of its own";
  }
  return "";
}

struct Step {
  Block block;
  Hint hint;
  size_t at = 0;      // of the pointer, in what comes before
  size_t inside = 0;  // how far in it points
};

class Why : public InsideCommand {
 public:
  Why(CLI::App& command, const std::string& version)
      : InsideCommand(command, version, "why", "what an address is, and what keeps it alive") {
    take_target("PID|CORE", "a process under the library, or a core file of one");
    parser_->add_option("address", address_, "an address in it, as 0x...")->type_name("ADDRESS");
    parser_->footer(
        "The chain is a shortest one from a variable, a stack, a register or thread-local "
        "storage.");
  }

  int run() const override {
    if (target_.empty() || address_.empty())
      throw UsageError("why what? arenite why PID|CORE ADDRESS");
    const uintptr_t address = parsed(address_);
    Look look(target_);
    Block block{};
    if (!look.heap().find_block(address, block)) return tell_other(look, address);
    const Graph& graph = look.graph(Graph::Remember::ways);
    Json json{{"address", fmt::format("{:#x}", address)},
              {"kind", "block"},
              {"engine", kind_name(look.heap().space_at(address)->kind)},
              {"start", fmt::format("{:#x}", block.start)},
              {"bytes", block.bytes},
              {"offset", address - block.start}};
    const Hint hint = hint_of(look, block);
    if (!hint.type.empty()) json["type"] = hint.type;
    if (!hint.text.empty()) json["text"] = hint.text;
    json["reachable"] = graph.is_reached(block.number);
    if (!graph.is_reached(block.number)) {
      tell(look, json, "", {});
      return 0;
    }
    const Graph::Way way = graph.way_to(block.number);
    const std::string root = way.is_register ? fmt::format("a register of thread {}", way.root)
                                             : look.roots().name_of(way.root);
    tell(look, json, root, steps_of(look, graph, way));
    return 0;
  }

 private:
  static uintptr_t parsed(const std::string& text) {
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    uintptr_t address = 0;
    const char* const begin = text.c_str() + (is_hex ? 2 : 0);
    const char* const end = text.c_str() + text.size();
    const auto read = std::from_chars(begin, end, address, is_hex ? 16 : 10);
    if (read.ec != std::errc{} || read.ptr != end || begin == end)
      throw UsageError(fmt::format("'{}' is no address: 0x7f3a2c001230, or a number", text));
    return address;
  }

  static std::vector<Step> steps_of(Look& look, const Graph& graph, const Graph::Way& way) {
    std::vector<Step> steps;
    for (const uint32_t number : way.blocks) {
      Step step{look.heap().block(number), {}};
      step.hint = hint_of(look, step.block);
      if (!steps.empty()) {
        const Graph::Link link = graph.link(steps.back().block, step.block);
        step.at = link.at;
        step.inside = link.inside;
      }
      steps.push_back(step);
    }
    return steps;
  }

  void tell(Look& look, Json& json, const std::string& root, const std::vector<Step>& steps) const {
    if (json_) {
      if (!root.empty()) json["root"] = root;
      Json chain = Json::array();
      for (const Step& step : steps) {
        Json one{{"start", fmt::format("{:#x}", step.block.start)}, {"bytes", step.block.bytes}};
        if (!step.hint.type.empty()) one["type"] = step.hint.type;
        one["pointer_at"] = step.at;
        one["points_inside"] = step.inside;
        chain.push_back(one);
      }
      if (!steps.empty()) json["chain"] = chain;
      return print(json);
    }
    warn_of_gaps(look);
    const auto text = [&json](const char* name) { return json[name].get<std::string>(); };
    const auto offset = json["offset"].get<size_t>();
    fmt::print("{}: {}a block of {} ({})\n", text("address"),
               offset == 0 ? "" : fmt::format("{} bytes into ", offset),
               block_text(json["bytes"].get<size_t>(),
                          {json.value("type", std::string()), json.value("text", std::string())}),
               text("engine"));
    if (root.empty()) {
      fmt::print("nothing that can be reached points to it: it is leaked\n");
      return;
    }
    fmt::print("\n{}\n", root);
    for (const Step& step : steps) {
      const bool is_first = &step == steps.data();
      fmt::print("  {} block of {} at {:#x}{}\n", is_first ? "->" : fmt::format("+ {} ->", step.at),
                 block_text(step.block.bytes, step.hint), step.block.start,
                 step.inside == 0 ? "" : fmt::format(", {} bytes in", step.inside));
    }
  }

  // What no block is.
  int tell_other(Look& look, uintptr_t address) const {
    const Mapping* mapping = look.target().mapping_at(address);
    std::string what;
    if (const Space* space = look.heap().space_at(address); space != nullptr) {
      what = fmt::format("no block: free, or the library's own, among its {}s",
                         kind_name(space->kind));
    } else if (is_owned(look.heap(), address)) {
      what = "the library's own, or a freed block that it keeps";
    } else if (const std::string name = look.objects().name_of(address); !name.empty()) {
      what = name;
    } else if (mapping == nullptr) {
      throw UsageError(
          fmt::format("nothing is mapped at {:#x} in {}", address, look.target().name()));
    } else {
      what = look.roots().name_of(address);
    }
    if (json_) {
      print(Json{{"address", fmt::format("{:#x}", address)}, {"kind", "other"}, {"what", what}});
    } else {
      fmt::print("{:#x}: {}\n", address, what);
    }
    return 0;
  }

  static bool is_owned(const Heap& heap, uintptr_t address) {
    for (const Owned& range : heap.owned()) {
      if (address >= range.begin && address < range.end) return true;
    }
    return false;
  }

  std::string address_;
};

}  // namespace

std::unique_ptr<InsideCommand> make_why(CLI::App& command, const std::string& version) {
  return std::make_unique<Why>(command, version);
}

}  // namespace arenite::inside
