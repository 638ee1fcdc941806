// See parts.hpp.

#include "parts.hpp"

#include <algorithm>

namespace arenite::command {
namespace {

template <typename Kind>
const Kind* named(const std::vector<Kind>& all, const std::string& name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Kind& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<Part>& lab_parts() {
  static const std::vector<Part> k_parts = {
      {"Start here", "从这里开始", {"map-clear", "lazy", "first-fit"}},
      {"What a block takes", "一个块占多少", {"spacing", "overhead", "vector-of-blocks"}},
      {"What goes back to the kernel",
       "什么会还给内核",
       {"brk-or-mmap", "not-returned", "pinned-top", "fragment", "deferred"}},
      {"Threads", "线程", {"thread-arena", "arena-limit", "unbalanced", "contention"}},
      {"Inside the heap", "堆的内部", {"walk", "slab-and-buddy", "attack"}},
  };
  return k_parts;
}

const Experiment* measured_named(const std::string& name) {
  return named(all_experiments(), name);
}

const DrawnExperiment* drawn_named(const std::string& name) {
  return named(drawn_experiments(), name);
}

}  // namespace arenite::command
