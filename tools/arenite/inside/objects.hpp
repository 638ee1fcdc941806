// Objects: the program and its libraries in a target, and the names in them.
//
// Names come from the files' symbol tables, the full one where it is there, else the dynamic one. A
// file that cannot be read has none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inside/target.hpp"

namespace arenite::inside {

struct Symbol {
  uintptr_t address;
  size_t size;
  std::string name;  // as in the file
  bool is_data;
  bool is_local_to_thread;  // then its address is an offset
};

class Object {
 public:
  Object(std::string path, std::string name, uintptr_t begin);

  const std::string& name() const { return name_; }  // of the mapped file
  std::string short_name() const { return name_.substr(name_.rfind('/') + 1); }
  bool is_read() const { return is_read_; }
  // What its segments take when it is loaded.
  bool contains(uintptr_t address) const { return address >= begin_ && address < end_; }
  uintptr_t begin() const { return begin_; }
  uintptr_t end() const { return end_; }
  uintptr_t bias() const { return bias_; }
  // Whether the program, or who loaded it, has written there, though it may not any more.
  bool is_data(uintptr_t address) const;
  // Of its thread-local storage, rounded as the dynamic linker does.
  size_t thread_local_bytes() const { return thread_local_bytes_; }
  // Not a library.
  bool is_program() const { return is_program_; }

  // The address of a symbol with this name; 0 where there is none.
  uintptr_t find(const std::string& name) const;
  // All of them, by address.
  const std::vector<Symbol>& symbols() const;
  // The symbol around an address; nullptr where there is none.
  const Symbol* symbol_at(uintptr_t address) const;

 private:
  void read_headers();
  void read_symbols() const;

  std::string path_;
  std::string name_;
  uintptr_t begin_;
  uintptr_t end_;
  uintptr_t bias_ = 0;
  std::vector<std::pair<uintptr_t, uintptr_t>> data_;  // writable segments
  size_t thread_local_bytes_ = 0;
  bool is_read_ = false;
  bool is_program_ = false;
  mutable bool has_symbols_ = false;
  mutable std::vector<Symbol> symbols_;
};

class Objects {
 public:
  explicit Objects(const Target& target);

  const std::vector<Object>& all() const { return objects_; }
  const Object* at(uintptr_t address) const;

  // "cache (server + 0x4c20)", or "server + 0x4c20"; empty if the address is no object's.
  std::string name_of(uintptr_t address) const;
  // The class whose vtable an address is in the middle of; empty if it is none.
  std::string class_of_vtable(uintptr_t address) const;

 private:
  std::vector<Object> objects_;  // by address
};

// A C++ name as it was written, or the name itself.
std::string demangled(const std::string& name);

}  // namespace arenite::inside
