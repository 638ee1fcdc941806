// Library: the arenite inside a target: its root, checked, and figures that take no walk.
#pragma once

#include "inside/image.hpp"
#include "inside/objects.hpp"
#include "view/view.hpp"

namespace arenite::inside {

class Library {
 public:
  // Finds it; a UsageError where there is none, or one of another layout.
  static Library find(const Target& target, const Objects& objects, Image& image);
  // Whether there is one, of whatever layout.
  static bool is_in(const Objects& objects);

  const view::Root& root() const { return root_; }
  // The address of a part of it, which the root names.
  template <typename T>
  static uintptr_t address(const T* part) {
    return address_of(part);
  }
  // Of the shared library; nullptr where it is part of the program.
  const Object* object() const { return object_; }

  struct Figures {
    size_t live = 0;
    size_t retained = 0;
    size_t bound = 0;
    size_t arenas = 0;
    bool is_classic = false;
  };
  Figures figures(Image& image) const;

 private:
  view::Root root_;
  const Object* object_ = nullptr;
};

}  // namespace arenite::inside
