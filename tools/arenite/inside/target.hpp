// Target: what is looked into: a process that goes on running, or a core file.
//
// A target is never stopped and never made larger: of a process only pages that are resident are
// read, for the kernel would have to make the others. Everything that keeps somebody from looking
// is a command::UsageError: one line, exit status 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace arenite::inside {

struct Mapping {
  uintptr_t begin;
  uintptr_t end;
  bool is_readable;
  bool is_writable;
  bool is_shared;
  uint64_t offset;       // in the file
  std::string name;      // of the file, or the kernel's word for it, or empty
  uintptr_t stored_end;  // where that ends which can be read: in a core less than all may be there

  bool contains(uintptr_t address) const { return address >= begin && address < end; }
  bool is_file() const { return name.starts_with('/'); }
  size_t size() const { return end - begin; }
};

// What is larger is somebody's reserve of addresses, and not looked through page by page.
inline constexpr size_t k_too_large_a_mapping = size_t{64} << 30;

struct TargetThread {
  int id;
  uintptr_t stack_pointer;           // 0: not known, it is running
  std::vector<uintptr_t> registers;  // as far as they are known
};

// Bytes of the target, and where they are to be.
struct Piece {
  uintptr_t address;
  char* to;
  size_t bytes;
};

class Target {
 public:
  virtual ~Target() = default;

  // A process id, or else the name of a core file.
  static std::unique_ptr<Target> open(const std::string& what);

  // "process 123", "core file x"
  const std::string& name() const { return name_; }
  const std::string& command() const { return command_; }
  int pid() const { return pid_; }
  virtual bool is_live() const = 0;
  size_t page_size() const { return page_size_; }

  // By address.
  const std::vector<Mapping>& mappings() const { return mappings_; }
  const Mapping* mapping_at(uintptr_t address) const;
  // How far there are mappings side by side from an address on, readable or not.
  uintptr_t mapped_end(uintptr_t address) const;
  // Looks again which there are.
  virtual void refresh() {}
  virtual std::vector<TargetThread> threads() const = 0;

  // Which pages from `begin` on hold memory that can be read without making any: a bit each.
  virtual void resident(uintptr_t begin, size_t pages, uint64_t* bits) const = 0;
  // How many of them are on a swap device: these are not read.
  virtual size_t swapped() const { return 0; }
  // Reads pieces in order; what cannot be read is left as it is and false in `got`.
  virtual void read(const std::vector<Piece>& pieces, std::vector<bool>& got) const = 0;

  // The path by which a mapped file can be opened here.
  virtual std::string path_of(const Mapping& mapping) const = 0;
  // What the kernel says is resident, of the whole and of the mapping that begins there: bytes. 0
  // where nobody knows.
  virtual size_t rss() const { return 0; }
  virtual size_t rss_of(uintptr_t /*begin*/) const { return 0; }

 protected:
  std::string name_;
  std::string command_;
  int pid_ = 0;
  size_t page_size_ = 4096;
  std::vector<Mapping> mappings_;
};

std::unique_ptr<Target> open_process(int pid);
std::unique_ptr<Target> open_core(const std::string& path);

// The processes that there are.
std::vector<int> all_processes();
// A whole small file of /proc; empty where it cannot be read.
std::string read_text(const std::string& path);

}  // namespace arenite::inside
