// See roots.hpp.

#include "inside/roots.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arenite::inside {
namespace {

// What a leaf function may use below the stack pointer.
constexpr size_t k_red_zone = 128;

}  // namespace

Roots::Roots(const Target& target, const Objects& objects, const Heap& heap, Image& image)
    : target_(target), objects_(objects), heap_(heap) {
  find_stacks();
  add_areas();
  find_thread_pointers(image);
  std::stable_sort(areas_.begin(), areas_.end(), [](const RootArea& a, const RootArea& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.begin < b.begin;
  });
}

void Roots::find_stacks() {
  for (const TargetThread& thread : target_.threads()) {
    for (const uintptr_t value : thread.registers) registers_.push_back({value, thread.id});
    const Mapping* mapping = target_.mapping_at(thread.stack_pointer);
    if (mapping != nullptr) stacks_.push_back({thread.id, thread.stack_pointer, mapping->begin});
  }
}

void Roots::add_areas() {
  const std::vector<Mapping>& mappings = target_.mappings();
  for (size_t i = 0; i < mappings.size(); i++) {
    const Mapping& mapping = mappings[i];
    const Object* object = objects_.at(mapping.begin);
    const bool was_written = object != nullptr && object->is_data(mapping.begin);
    if (mapping.size() > k_too_large_a_mapping) continue;
    if (!mapping.is_readable || !(mapping.is_writable || was_written)) continue;
    uintptr_t begin = mapping.begin;
    uintptr_t end = mapping.stored_end;
    RootArea::Kind kind = RootArea::Kind::mapping;
    int thread = 0;
    if (object != nullptr) {
      // What lies behind an object's data in one mapping is another's.
      kind = RootArea::Kind::data;
      if (object->end() < end) {
        areas_.push_back({object->end(), end, RootArea::Kind::mapping, 0});
        end = object->end();
      }
    }
    for (const Stack& stack : stacks_) {
      if (stack.mapping != mapping.begin || heap_.space_at(stack.pointer) != nullptr) continue;
      // It may be a stack that somebody has cut out of other memory: then all of that counts.
      const bool has_guard = i > 0 && mappings[i - 1].end == begin && !mappings[i - 1].is_readable;
      if (has_guard || mapping.name == "[stack]")
        begin = std::max(begin, align_down(stack.pointer - k_red_zone, k_word));
      kind = RootArea::Kind::stack;
      thread = stack.thread;
    }
    areas_.push_back({begin, end, kind, thread});
  }
  std::vector<RootArea> all;
  for (const RootArea& area : areas_) split(all, area.begin, area.end, area.kind, area.thread);
  areas_ = std::move(all);
}

// Leaves out what is the library's.
void Roots::split(std::vector<RootArea>& areas, uintptr_t begin, uintptr_t end, RootArea::Kind kind,
                  int thread) const {
  for (const Owned& owned : heap_.owned()) {
    if (owned.begin >= end) break;
    if (owned.end <= begin) continue;
    if (owned.begin > begin) areas.push_back({begin, owned.begin, kind, thread});
    begin = std::min(end, owned.end);
  }
  if (begin < end) areas.push_back({begin, end, kind, thread});
}

// glibc's thread control block has its own address at its start and two words on. Before it lies
// thread-local storage, where it is laid out so (x86-64).
void Roots::find_thread_pointers(Image& image) {
#if defined(__x86_64__)
  std::vector<RootArea> found;
  size_t before = 0;
  for (const Object& object : objects_.all()) before += object.thread_local_bytes();
  for (RootArea& area : areas_) {
    if (area.kind == RootArea::Kind::data) continue;
    uintptr_t end = 0;
    const char* copy = image.most_of(area.begin, area.end, end);
    if (copy == nullptr) continue;
    for (uintptr_t at = align_up(area.begin, 64); at + 24 <= end; at += 64) {
      const auto* words = reinterpret_cast<const uintptr_t*>(copy + (at - area.begin));
      if (words[0] != at || words[2] != at) continue;
      const int thread = area.kind == RootArea::Kind::stack ? area.thread : target_.pid();
      const uintptr_t from = std::max(area.begin, at - std::min(at, align_up(before, 64)));
      found.push_back({from, at, RootArea::Kind::thread_local_storage, thread});
      thread_pointers_.emplace_back(at, thread);
      break;
    }
  }
  std::vector<RootArea> all = found;
  for (const RootArea& area : areas_) {
    uintptr_t begin = area.begin;
    for (const RootArea& storage : found) {
      if (storage.begin < begin || storage.end > area.end) continue;
      if (begin < storage.begin) all.push_back({begin, storage.begin, area.kind, area.thread});
      begin = storage.end;
    }
    if (begin < area.end) all.push_back({begin, area.end, area.kind, area.thread});
  }
  areas_ = std::move(all);
#else
  static_cast<void>(image);
#endif
}

const RootArea* Roots::area_at(uintptr_t address) const {
  for (const RootArea& area : areas_) {
    if (address >= area.begin && address < area.end) return &area;
  }
  return nullptr;
}

// The program's own block of thread-local storage ends at the thread pointer.
std::string Roots::thread_local_name(uintptr_t address, const RootArea& area, bool exact) const {
  const std::string of_thread = fmt::format(" of thread {}", area.thread);
  size_t before = 0;
  for (const Object& object : objects_.all()) {
    // The first that was loaded is next to the pointer; only its place is known for sure.
    if (object.thread_local_bytes() == 0 || !object.is_program()) continue;
    before += object.thread_local_bytes();
    const uintptr_t start = area.end - before;
    if (address < start) break;
    for (const Symbol& symbol : object.symbols()) {
      if (!symbol.is_local_to_thread || address - start < symbol.address ||
          address - start - symbol.address >= symbol.size)
        continue;
      const size_t inside = address - start - symbol.address;
      const std::string name = "thread-local " + demangled(symbol.name);
      return (inside == 0 || !exact ? name : fmt::format("{} + {}", name, inside)) + of_thread;
    }
  }
  return "thread-local storage" + of_thread;
}

std::string Roots::name_of(uintptr_t address) const {
  const RootArea* area = area_at(address);
  if (area == nullptr) return fmt::format("{:#x}", address);
  switch (area->kind) {
    case RootArea::Kind::data:
      return objects_.name_of(address);
    case RootArea::Kind::thread_local_storage:
      return thread_local_name(address, *area, true);
    case RootArea::Kind::stack:
      return fmt::format("stack of thread {}, at {:#x}", area->thread, address);
    case RootArea::Kind::mapping:
      break;
  }
  const Mapping* mapping = target_.mapping_at(address);
  if (mapping == nullptr) return fmt::format("{:#x}", address);
  return fmt::format("mapping {} at {:#x} + {:#x}",
                     mapping->name.empty() ? "without a name" : mapping->name, mapping->begin,
                     address - mapping->begin);
}

std::string Roots::group_of(uintptr_t address) const {
  const RootArea* area = area_at(address);
  if (area == nullptr) return {};
  switch (area->kind) {
    case RootArea::Kind::data: {
      const Object* object = objects_.at(address);
      const Symbol* symbol = object == nullptr ? nullptr : object->symbol_at(address);
      return objects_.name_of(symbol == nullptr ? address : symbol->address);
    }
    case RootArea::Kind::thread_local_storage:
      return thread_local_name(address, *area, false);
    case RootArea::Kind::stack:
      return fmt::format("stack of thread {}", area->thread);
    case RootArea::Kind::mapping:
      break;
  }
  const Mapping* mapping = target_.mapping_at(address);
  if (mapping == nullptr) return {};
  return fmt::format("mapping {} at {:#x}",
                     mapping->name.empty() ? "without a name" : mapping->name, mapping->begin);
}

}  // namespace arenite::inside
