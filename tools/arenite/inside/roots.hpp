// Roots: where a program's own pointers begin: the data of its objects, the stacks and registers of
// its threads, thread-local storage, and whatever else it can write that is not the library's.
//
// Below a waiting thread's stack pointer nothing is alive. Of a thread that runs just now it is not
// known where that is: all of its stack counts.
#pragma once

#include "inside/heap.hpp"

namespace arenite::inside {

struct RootArea {
  enum class Kind : uint8_t { data, thread_local_storage, stack, mapping };

  uintptr_t begin;
  uintptr_t end;
  Kind kind;
  int thread;  // of stacks and thread-local storage
};

struct RegisterRoot {
  uintptr_t value;
  int thread;
};

class Roots {
 public:
  Roots(const Target& target, const Objects& objects, const Heap& heap, Image& image);

  // Data first, then thread-local storage, stacks, the rest.
  const std::vector<RootArea>& areas() const { return areas_; }
  const std::vector<RegisterRoot>& registers() const { return registers_; }

  // What a pointer that lies at this address is called: "cache (server + 0x4c20)", "stack of thread
  // 12", "thread-local table of thread 12", "mapping /dev/shm/x + 0x10".
  std::string name_of(uintptr_t address) const;
  // The same without what differs between neighbours: of a variable its name, of a stack its
  // thread.
  std::string group_of(uintptr_t address) const;

 private:
  struct Stack {
    int thread;
    uintptr_t pointer;
    uintptr_t mapping;  // where it begins
  };

  void find_stacks();
  void add_areas();
  void find_thread_pointers(Image& image);
  void split(std::vector<RootArea>& areas, uintptr_t begin, uintptr_t end, RootArea::Kind kind,
             int thread) const;
  const RootArea* area_at(uintptr_t address) const;
  std::string thread_local_name(uintptr_t address, const RootArea& area, bool exact) const;

  const Target& target_;
  const Objects& objects_;
  const Heap& heap_;
  std::vector<Stack> stacks_;
  std::vector<RootArea> areas_;
  std::vector<RegisterRoot> registers_;
  std::vector<std::pair<uintptr_t, int>> thread_pointers_;
};

}  // namespace arenite::inside
