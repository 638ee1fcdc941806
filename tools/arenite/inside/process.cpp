// A process that runs (target.hpp).
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "errors.hpp"
#include "inside/target.hpp"

namespace arenite::inside {
namespace {

using command::UsageError;

class File {
 public:
  explicit File(const std::string& path) : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (number_ >= 0) close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void refuse_access(int pid) {
  throw UsageError(
      fmt::format("no right to look into process {}: be root, or its user where "
                  "/proc/sys/kernel/yama/ptrace_scope is 0",
                  pid));
}

Mapping parse_mapping(const std::string& line) {
  Mapping m{};
  char permissions[5] = {};
  int name_at = 0;
  unsigned long long begin = 0;
  unsigned long long end = 0;
  unsigned long long offset = 0;
  if (sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %*s %n", &begin, &end, permissions, &offset,
             &name_at) < 4)
    return m;
  m.begin = begin;
  m.end = m.stored_end = end;
  m.offset = offset;
  m.is_readable = permissions[0] == 'r';
  m.is_writable = permissions[1] == 'w';
  m.is_shared = permissions[3] == 's';
  if (name_at > 0 && static_cast<size_t>(name_at) < line.size()) m.name = line.substr(name_at);
  return m;
}

class Process : public Target {
 public:
  explicit Process(int pid) : proc_(fmt::format("/proc/{}", pid)), pagemap_(proc_ + "/pagemap") {
    pid_ = pid;
    name_ = fmt::format("process {}", pid);
    if (access(proc_.c_str(), F_OK) != 0)
      throw UsageError(fmt::format("there is no process {}", pid));
    page_size_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    command_ = read_text(proc_ + "/comm");
    while (!command_.empty() && command_.back() == '\n') command_.pop_back();
    check_word_size();
    Process::refresh();
    if (pagemap_.number() < 0) refuse_access(pid);
  }

  bool is_live() const override { return true; }

  void refresh() override {
    std::ifstream maps(proc_ + "/maps");
    if (!maps) refuse_access(pid_);
    mappings_.clear();
    std::string line;
    while (std::getline(maps, line)) mappings_.push_back(parse_mapping(line));
    // The kernel opens the file for anybody, and then says nothing.
    if (mappings_.empty()) {
      const std::string status = read_text(proc_ + "/status");
      if (status.empty()) throw UsageError(fmt::format("there is no process {}", pid_));
      if (status.find("VmRSS:") != std::string::npos) refuse_access(pid_);
      throw UsageError(
          fmt::format("process {} has no memory: it is the kernel's, or ending", pid_));
    }
  }

  std::vector<TargetThread> threads() const override {
    std::vector<TargetThread> threads;
    DIR* folder = opendir((proc_ + "/task").c_str());
    if (folder == nullptr) return threads;
    while (const dirent* entry = readdir(folder)) {
      const int id = atoi(entry->d_name);
      if (id > 0) threads.push_back(thread(id));
    }
    closedir(folder);
    return threads;
  }

  void resident(uintptr_t begin, size_t pages, uint64_t* bits) const override {
    constexpr size_t k_at_once = 64 * 1024;
    std::vector<uint64_t> entries(std::min(pages, k_at_once));
    for (size_t done = 0; done < pages;) {
      const size_t count = std::min(pages - done, k_at_once);
      const auto at = static_cast<off_t>((begin / page_size_ + done) * sizeof(uint64_t));
      const ssize_t got = pread(pagemap_.number(), entries.data(), count * sizeof(uint64_t), at);
      if (got <= 0) return;
      const size_t known = static_cast<size_t>(got) / sizeof(uint64_t);
      for (size_t i = 0; i < known; i++) {
        const size_t page = done + i;
        if ((entries[i] >> 63) != 0) bits[page / 64] |= uint64_t{1} << page % 64;
        swapped_ += entries[i] >> 62 & 1;
      }
      done += known;
    }
  }
  size_t swapped() const override { return swapped_; }

  void read(const std::vector<Piece>& pieces, std::vector<bool>& got) const override {
    constexpr size_t k_most = 512;
    got.assign(pieces.size(), false);
    for (size_t first = 0; first < pieces.size();) {
      iovec here[k_most];
      iovec there[k_most];
      size_t count = 0;
      for (; count < k_most && first + count < pieces.size(); count++) {
        const Piece& piece = pieces[first + count];
        here[count] = {piece.to, piece.bytes};
        there[count] = {reinterpret_cast<void*>(piece.address), piece.bytes};
      }
      const ssize_t bytes = process_vm_readv(pid_, here, count, there, count, 0);
      if (bytes < 0 && errno == EPERM) refuse_access(pid_);
      if (bytes < 0 && errno == ESRCH)
        throw command::Failure(fmt::format("process {} ended meanwhile", pid_));
      size_t whole = 0;
      for (auto left = static_cast<size_t>(std::max<ssize_t>(bytes, 0));
           whole < count && left >= pieces[first + whole].bytes; whole++) {
        left -= pieces[first + whole].bytes;
        got[first + whole] = true;
      }
      // What stopped it is left out.
      first += whole < count ? whole + 1 : whole;
    }
  }

  std::string path_of(const Mapping& mapping) const override {
    std::string by_name = proc_ + "/root" + mapping.name;
    if (access(by_name.c_str(), R_OK) == 0) return by_name;
    return fmt::format("{}/map_files/{:x}-{:x}", proc_, mapping.begin, mapping.end);
  }

  size_t rss() const override {
    size_t sum = 0;
    std::ifstream smaps(proc_ + "/smaps_rollup");
    if (!smaps) smaps.open(proc_ + "/smaps");
    std::string line;
    while (std::getline(smaps, line)) {
      unsigned long kib = 0;
      if (sscanf(line.c_str(), "Rss: %lu kB", &kib) == 1) sum += size_t{kib} * 1024;
    }
    return sum;
  }

  size_t rss_of(uintptr_t begin) const override {
    std::ifstream smaps(proc_ + "/smaps");
    const std::string start = fmt::format("{:x}-", begin);
    bool is_it = false;
    for (std::string line; std::getline(smaps, line);) {
      unsigned long kib = 0;
      if (line.starts_with(start)) is_it = true;
      if (is_it && sscanf(line.c_str(), "Rss: %lu kB", &kib) == 1) return size_t{kib} * 1024;
    }
    return 0;
  }

 private:
  void check_word_size() const {
    std::ifstream file(proc_ + "/exe", std::ios::binary);
    char ident[EI_NIDENT] = {};
    if (!file.read(ident, sizeof(ident))) return;
    if (ident[EI_CLASS] == ELFCLASS32)
      throw UsageError(
          fmt::format("process {} is a 32-bit program: this command reads 64-bit ones", pid_));
  }

  TargetThread thread(int id) const {
    TargetThread thread{id, 0, {}};
    // "running", or the number of a system call, its six arguments, stack pointer and counter; or
    // -1, stack pointer and counter.
    std::istringstream text(read_text(fmt::format("{}/task/{}/syscall", proc_, id)));
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    if (words.size() < 3) return thread;
    const auto value = [](const std::string& word) {
      return static_cast<uintptr_t>(strtoull(word.c_str(), nullptr, 16));
    };
    thread.stack_pointer = value(words[words.size() - 2]);
    for (size_t i = 1; i + 2 < words.size(); i++) thread.registers.push_back(value(words[i]));
    return thread;
  }

  std::string proc_;
  File pagemap_;
  mutable size_t swapped_ = 0;
};

}  // namespace

std::unique_ptr<Target> open_process(int pid) {
  return std::make_unique<Process>(pid);
}

}  // namespace arenite::inside
