// A core file (target.hpp).
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "errors.hpp"
#include "inside/target.hpp"

namespace arenite::inside {
namespace {

using command::UsageError;

class Core : public Target {
 public:
  explicit Core(const std::string& path) {
    name_ = "core file " + path;
    map(path);
    const auto* header = at<Elf64_Ehdr>(0);
    if (header == nullptr || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
      throw UsageError(fmt::format("{} is neither a process nor a core file", path));
    if (header->e_ident[EI_CLASS] != ELFCLASS64)
      throw UsageError(
          fmt::format("{} is of a 32-bit program: this command reads 64-bit ones", path));
    if (header->e_type != ET_CORE)
      throw UsageError(fmt::format("{} is a program or a library, not a core file", path));
    for (unsigned i = 0; i < header->e_phnum; i++) {
      const auto* part = at<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr));
      if (part == nullptr || part->p_offset > size_ || part->p_filesz > size_ - part->p_offset)
        throw UsageError(fmt::format("{} is truncated: it ends within its part {} of {}", path,
                                     i + 1, static_cast<unsigned>(header->e_phnum)));
      if (part->p_vaddr + part->p_memsz < part->p_vaddr)
        throw UsageError(fmt::format("{} is damaged: its part {} is nowhere", path, i + 1));
      if (part->p_type == PT_LOAD && part->p_memsz != 0) add(*part);
      if (part->p_type == PT_NOTE) notes(part->p_offset, part->p_filesz);
    }
    std::sort(parts_.begin(), parts_.end(),
              [](const Part& a, const Part& b) { return a.begin < b.begin; });
    std::sort(mappings_.begin(), mappings_.end(),
              [](const Mapping& a, const Mapping& b) { return a.begin < b.begin; });
    for (Mapping& mapping : mappings_) give_name(mapping);
  }
  ~Core() override {
    if (file_ != nullptr) munmap(const_cast<char*>(file_), size_);
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  bool is_live() const override { return false; }
  std::vector<TargetThread> threads() const override { return threads_; }

  // What is in the file, and not zero: a core does not tell what was resident.
  void resident(uintptr_t begin, size_t pages, uint64_t* bits) const override {
    for (size_t page = 0; page < pages; page++) {
      const uintptr_t address = begin + page * page_size_;
      const char* bytes = stored(address, page_size_);
      if (bytes == nullptr) continue;
      const auto* words = reinterpret_cast<const uint64_t*>(bytes);
      for (size_t i = 0; i < page_size_ / sizeof(uint64_t); i++) {
        if (words[i] == 0) continue;
        bits[page / 64] |= uint64_t{1} << page % 64;
        break;
      }
    }
  }
  void read(const std::vector<Piece>& pieces, std::vector<bool>& got) const override {
    got.assign(pieces.size(), false);
    for (size_t i = 0; i < pieces.size(); i++) {
      const char* bytes = stored(pieces[i].address, pieces[i].bytes);
      if (bytes == nullptr) continue;
      memcpy(pieces[i].to, bytes, pieces[i].bytes);
      got[i] = true;
    }
  }
  std::string path_of(const Mapping& mapping) const override { return mapping.name; }

 private:
  struct Part {
    uintptr_t begin;
    uintptr_t end;
    uint64_t offset;
  };
  struct Named {
    uintptr_t begin;
    uintptr_t end;
    uint64_t offset;
    std::string name;
  };

  void map(const std::string& path) {
    const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (number < 0) throw UsageError(fmt::format("{}: {}", path, strerror(errno)));
    struct stat about {};
    const bool is_file = fstat(number, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
    if (is_file) {
      size_ = static_cast<size_t>(about.st_size);
      void* mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, number, 0);
      if (mapped != MAP_FAILED) file_ = static_cast<const char*>(mapped);
    }
    close(number);
    if (file_ == nullptr)
      throw UsageError(fmt::format("{} is neither a process nor a core file", path));
  }
  template <typename T>
  const T* at(uint64_t offset, size_t count = 1) const {
    if (offset > size_ || count * sizeof(T) > size_ - offset) return nullptr;
    return reinterpret_cast<const T*>(file_ + offset);
  }

  void add(const Elf64_Phdr& part) {
    Mapping mapping{};
    mapping.begin = part.p_vaddr;
    mapping.end = part.p_vaddr + part.p_memsz;
    mapping.stored_end = part.p_vaddr + std::min(part.p_filesz, part.p_memsz);
    mapping.is_readable = (part.p_flags & PF_R) != 0 && part.p_filesz != 0;
    mapping.is_writable = (part.p_flags & PF_W) != 0;
    mappings_.push_back(mapping);
    parts_.push_back({mapping.begin, mapping.stored_end, part.p_offset});
  }

  void notes(uint64_t offset, uint64_t bytes) {
    const uint64_t end = offset + bytes;
    while (offset + sizeof(Elf64_Nhdr) <= end) {
      const auto* note = at<Elf64_Nhdr>(offset);
      if (note == nullptr) return;
      const uint64_t content = offset + sizeof(Elf64_Nhdr) + (note->n_namesz + 3U) / 4 * 4;
      if (content + note->n_descsz > end) return;
      if (note->n_type == NT_PRSTATUS) status(content, note->n_descsz);
      if (note->n_type == NT_FILE) files(content, note->n_descsz);
      if (note->n_type == NT_PRPSINFO && note->n_descsz >= sizeof(elf_prpsinfo)) {
        const auto* about = at<elf_prpsinfo>(content);
        if (about == nullptr) return;
        command_.assign(about->pr_fname, strnlen(about->pr_fname, sizeof(about->pr_fname)));
        pid_ = about->pr_pid;
      }
      offset = content + (note->n_descsz + 3U) / 4 * 4;
    }
  }

  void status(uint64_t offset, size_t bytes) {
    if (bytes < sizeof(elf_prstatus)) return;
    const auto* status = at<elf_prstatus>(offset);
    if (status == nullptr) return;
    TargetThread thread{status->pr_pid, 0, {}};
    for (const auto value : status->pr_reg) thread.registers.push_back(value);
#if defined(__x86_64__)
    constexpr size_t k_stack_pointer = 19;
#elif defined(__aarch64__)
    constexpr size_t k_stack_pointer = 31;
#else
    constexpr size_t k_stack_pointer = SIZE_MAX;
#endif
    if (k_stack_pointer < thread.registers.size())
      thread.stack_pointer = thread.registers[k_stack_pointer];
    threads_.push_back(thread);
  }

  // A count, the size of a page, so many triples of begin, end and page, and as many names.
  void files(uint64_t offset, size_t bytes) {
    const auto* words = at<uint64_t>(offset, 2);
    if (bytes < 16 || words[0] > (bytes - 16) / 24) return;
    const uint64_t count = words[0];
    const auto* triples = at<uint64_t>(offset + 16, count * 3);
    const char* name = file_ + offset + 16 + count * 24;
    const char* const end = file_ + offset + bytes;
    for (uint64_t i = 0; i < count && name < end; i++) {
      const size_t length = strnlen(name, static_cast<size_t>(end - name));
      named_.push_back({triples[3 * i], triples[3 * i + 1], triples[3 * i + 2] * words[1],
                        std::string(name, length)});
      name += length + 1;
    }
  }
  void give_name(Mapping& mapping) const {
    for (const Named& named : named_) {
      if (named.begin >= mapping.end || mapping.begin >= named.end) continue;
      mapping.name = named.name;
      mapping.offset = named.offset + (mapping.begin - std::min(mapping.begin, named.begin));
      return;
    }
  }

  const char* stored(uintptr_t address, size_t bytes) const {
    const auto after =
        std::upper_bound(parts_.begin(), parts_.end(), address,
                         [](uintptr_t a, const Part& part) { return a < part.begin; });
    if (after == parts_.begin()) return nullptr;
    const Part& part = *std::prev(after);
    if (address >= part.end || bytes > part.end - address) return nullptr;
    return file_ + part.offset + (address - part.begin);
  }

  const char* file_ = nullptr;
  size_t size_ = 0;
  std::vector<Part> parts_;
  std::vector<Named> named_;
  std::vector<TargetThread> threads_;
};

}  // namespace

std::unique_ptr<Target> open_core(const std::string& path) {
  return std::make_unique<Core>(path);
}

}  // namespace arenite::inside
