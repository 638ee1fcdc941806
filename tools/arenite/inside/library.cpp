// See library.hpp.

#include "inside/library.hpp"

#include <fmt/format.h>

#include <cstring>

#include "errors.hpp"

namespace arenite::inside {
namespace {

using command::UsageError;

constexpr char k_symbol[] = "arenite_inside";

// Whether an object is the library by itself, and not a program that has it inside.
bool is_library(const Object& object) {
  return object.short_name().starts_with("libarenite.");
}

struct Found {
  uintptr_t address = 0;
  const Object* object = nullptr;
};

// First where it is by its name, then in the rest: the program itself, and plugins.
Found find_symbol(const Objects& objects) {
  for (const bool by_name : {true, false}) {
    for (const Object& object : objects.all()) {
      if (is_library(object) != by_name) continue;
      if (const uintptr_t address = object.find(k_symbol); address != 0) return {address, &object};
    }
  }
  return {};
}

// Where the file is not to be had, or has no names: by its first words, in what objects have of
// their own.
Found find_magic(const Target& target, const Objects& objects, Image& image) {
  // A copy: reading may find new ones.
  const std::vector<Mapping> mappings(target.mappings().begin(), target.mappings().end());
  for (const Mapping& mapping : mappings) {
    if (!mapping.is_file() || !mapping.is_readable || mapping.is_shared) continue;
    uintptr_t end = 0;
    const char* copy = image.most_of(mapping.begin, mapping.stored_end, end);
    for (uintptr_t at = mapping.begin; copy != nullptr && at + sizeof(view::Root) <= end; at += 8) {
      const char* here = copy + (at - mapping.begin);
      view::Root root;
      memcpy(&root, here, sizeof(root));
      if (memcmp(root.magic, view::Root::k_magic, sizeof(root.magic)) == 0 &&
          root.kind_map != nullptr)
        return {at, objects.at(at)};
    }
  }
  return {};
}

}  // namespace

bool Library::is_in(const Objects& objects) {
  return find_symbol(objects).address != 0;
}

Library Library::find(const Target& target, const Objects& objects, Image& image) {
  Found found = find_symbol(objects);
  const auto is_root = [&](uintptr_t address) {
    const auto* root = view::read<view::Root>(image, address);
    return root != nullptr && memcmp(root->magic, view::Root::k_magic, sizeof(root->magic)) == 0;
  };
  if (found.address == 0 || !is_root(found.address)) found = find_magic(target, objects, image);
  if (found.address == 0)
    throw UsageError(
        fmt::format("{} ({}) does not run under arenite", target.name(), target.command()));
  Library library;
  memcpy(&library.root_, image.at(found.address, sizeof(view::Root)), sizeof(view::Root));
  const view::Root& root = library.root_;
  if (root.layout != view::k_layout) {
    throw UsageError(
        fmt::format("the library in {} is {} than this command (layout {}, not {}): use the "
                    "command of its version",
                    target.name(), root.layout < view::k_layout ? "older" : "newer", root.layout,
                    view::k_layout));
  }
  if (root.bytes != sizeof(view::Root) || root.sizes != view::sizes_of_structures()) {
    throw UsageError(
        fmt::format("the library in {} is of another build than this command: use the command that "
                    "was built with it",
                    target.name()));
  }
  // In a static program it is a part of the program's own object.
  if (found.object != nullptr && is_library(*found.object)) library.object_ = found.object;
  return library;
}

Library::Figures Library::figures(Image& image) const {
  Figures figures;
  const auto* tuning = view::read<chunk::Tuning>(image, address(root_.tuning));
  const auto* ledger = view::read<ledger::Ledger>(image, address(root_.ledger));
  figures.is_classic = tuning != nullptr && tuning->maps_blocks != 0;
  if (ledger != nullptr) {
    figures.live = ledger->live();
    figures.retained = ledger->retained();
    figures.bound = ledger->bound();
  }
  view::for_each_arena(image, address(root_.main_arena), [&](uintptr_t at) {
    figures.arenas++;
    if (figures.is_classic) {
      const auto* arena = view::read<chunk::Arena>(image, at);
      figures.live += arena->system_bytes();
    }
  });
  const auto* mapped = view::read<ledger::MappedFigures>(image, address(root_.mapped));
  if (figures.is_classic && mapped != nullptr) figures.live += mapped->bytes;
  return figures;
}

}  // namespace arenite::inside
