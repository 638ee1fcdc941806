// See objects.hpp.

#include "inside/objects.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

namespace arenite::inside {
namespace {

// A file, read by its headers; everything in it is checked against its size.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) {
    const int number = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (number < 0) return;
    struct stat about {};
    if (fstat(number, &about) == 0 && S_ISREG(about.st_mode) &&
        static_cast<size_t>(about.st_size) >= sizeof(Elf64_Ehdr)) {
      size_ = static_cast<size_t>(about.st_size);
      void* mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, number, 0);
      if (mapped != MAP_FAILED) bytes_ = static_cast<const char*>(mapped);
    }
    close(number);
    if (bytes_ == nullptr) return;
    const Elf64_Ehdr& h = header();
    is_elf_ = memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_ident[EI_CLASS] == ELFCLASS64 &&
              (h.e_type == ET_EXEC || h.e_type == ET_DYN);
  }
  ~ElfFile() {
    if (bytes_ != nullptr) munmap(const_cast<char*>(bytes_), size_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  bool is_elf() const { return is_elf_; }
  const Elf64_Ehdr& header() const { return *reinterpret_cast<const Elf64_Ehdr*>(bytes_); }
  template <typename T>
  const T* at(uint64_t offset, uint64_t count = 1) const {
    if (offset > size_ || count > (size_ - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T*>(bytes_ + offset);
  }
  const Elf64_Shdr* section(size_t i) const {
    return i < header().e_shnum ? at<Elf64_Shdr>(header().e_shoff + i * sizeof(Elf64_Shdr))
                                : nullptr;
  }
  // The text in a table of strings.
  std::string text(const Elf64_Shdr& table, uint64_t offset) const {
    if (offset >= table.sh_size) return {};
    const char* start = at<char>(table.sh_offset + offset);
    if (start == nullptr) return {};
    const uint64_t most = std::min(table.sh_size - offset, size_ - (table.sh_offset + offset));
    return {start, strnlen(start, most)};
  }

 private:
  const char* bytes_ = nullptr;
  size_t size_ = 0;
  bool is_elf_ = false;
};

}  // namespace

std::string demangled(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  free(text);
  return result;
}

Object::Object(std::string path, std::string name, uintptr_t begin)
    : path_(std::move(path)), name_(std::move(name)), begin_(begin), end_(begin) {
  read_headers();
}

void Object::read_headers() {
  const ElfFile file(path_);
  if (!file.is_elf()) return;
  uint64_t lowest = UINT64_MAX;
  uint64_t highest = 0;
  for (unsigned i = 0; i < file.header().e_phnum; i++) {
    const auto* part = file.at<Elf64_Phdr>(file.header().e_phoff + i * sizeof(Elf64_Phdr));
    if (part == nullptr) continue;
    if (part->p_type == PT_INTERP) is_program_ = true;
    if (part->p_type == PT_TLS && part->p_align != 0)
      thread_local_bytes_ = (part->p_memsz + part->p_align - 1) / part->p_align * part->p_align;
    if (part->p_type != PT_LOAD) continue;
    lowest = std::min<uint64_t>(lowest, part->p_vaddr);
    highest = std::max<uint64_t>(highest, part->p_vaddr + part->p_memsz);
    if ((part->p_flags & PF_W) != 0)
      data_.emplace_back(part->p_vaddr, part->p_vaddr + part->p_memsz);
  }
  if (lowest > highest) return;
  constexpr uint64_t k_page = 4096;
  bias_ = begin_ - lowest / k_page * k_page;
  end_ = bias_ + (highest + k_page - 1) / k_page * k_page;
  is_read_ = true;
  // A static program has no interpreter, and a static one that can be moved no name of its own.
  is_program_ =
      is_program_ || file.header().e_type == ET_EXEC || name_.find(".so") == std::string::npos;
}

bool Object::is_data(uintptr_t address) const {
  constexpr uintptr_t k_page = 4096;
  for (const auto& [begin, end] : data_) {
    if (address - bias_ >= begin / k_page * k_page && address - bias_ < end) return true;
  }
  return false;
}

void Object::read_symbols() const {
  has_symbols_ = true;
  const ElfFile file(path_);
  if (!file.is_elf()) return;
  const Elf64_Shdr* table = nullptr;
  for (size_t i = 0; i < file.header().e_shnum; i++) {
    const Elf64_Shdr* section = file.section(i);
    if (section == nullptr) return;
    if (section->sh_type == SHT_SYMTAB || (section->sh_type == SHT_DYNSYM && table == nullptr))
      table = section;
  }
  const Elf64_Shdr* names = table == nullptr ? nullptr : file.section(table->sh_link);
  if (names == nullptr) return;
  const uint64_t count = table->sh_size / sizeof(Elf64_Sym);
  const auto* symbols = file.at<Elf64_Sym>(table->sh_offset, count);
  if (symbols == nullptr) return;
  for (uint64_t i = 0; i < count; i++) {
    const Elf64_Sym& symbol = symbols[i];
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name == 0) continue;
    if (type != STT_OBJECT && type != STT_FUNC && type != STT_TLS && type != STT_NOTYPE &&
        type != STT_GNU_IFUNC)
      continue;
    const bool is_tls = type == STT_TLS;
    symbols_.push_back({(is_tls ? 0 : bias_) + symbol.st_value, symbol.st_size,
                        file.text(*names, symbol.st_name), type == STT_OBJECT, is_tls});
  }
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
}

const std::vector<Symbol>& Object::symbols() const {
  if (!has_symbols_) read_symbols();
  return symbols_;
}

uintptr_t Object::find(const std::string& name) const {
  for (const Symbol& symbol : symbols()) {
    if (symbol.name == name && !symbol.is_local_to_thread) return symbol.address;
  }
  return 0;
}

const Symbol* Object::symbol_at(uintptr_t address) const {
  const std::vector<Symbol>& all = symbols();
  auto after = std::upper_bound(all.begin(), all.end(), address,
                                [](uintptr_t a, const Symbol& s) { return a < s.address; });
  // Of those that begin at one place some have no size.
  for (int tries = 0; after != all.begin() && tries < 16; tries++) {
    --after;
    if (!after->is_local_to_thread && address - after->address < after->size) return &*after;
  }
  return nullptr;
}

Objects::Objects(const Target& target) {
  std::set<std::string> seen;
  for (const Mapping& mapping : target.mappings()) {
    if (!mapping.is_file() || mapping.offset != 0 || !seen.insert(mapping.name).second) continue;
    Object object(target.path_of(mapping), mapping.name, mapping.begin);
    if (object.is_read()) objects_.push_back(std::move(object));
  }
  std::sort(objects_.begin(), objects_.end(),
            [](const Object& a, const Object& b) { return a.begin() < b.begin(); });
}

const Object* Objects::at(uintptr_t address) const {
  const auto after = std::upper_bound(objects_.begin(), objects_.end(), address,
                                      [](uintptr_t a, const Object& o) { return a < o.begin(); });
  if (after == objects_.begin()) return nullptr;
  const Object& object = *std::prev(after);
  return object.contains(address) ? &object : nullptr;
}

std::string Objects::name_of(uintptr_t address) const {
  const Object* object = at(address);
  if (object == nullptr) return {};
  std::string place = fmt::format("{} + {:#x}", object->short_name(), address - object->bias());
  const Symbol* symbol = object->symbol_at(address);
  if (symbol == nullptr) return place;
  const uintptr_t inside = address - symbol->address;
  return inside == 0 ? fmt::format("{} ({})", demangled(symbol->name), place)
                     : fmt::format("{} + {} ({})", demangled(symbol->name), inside, place);
}

std::string Objects::class_of_vtable(uintptr_t address) const {
  const Object* object = at(address);
  const Symbol* symbol = object == nullptr ? nullptr : object->symbol_at(address);
  if (symbol == nullptr || !symbol->name.starts_with("_ZTV") || address == symbol->address)
    return {};
  const std::string name = demangled(symbol->name);
  constexpr char k_prefix[] = "vtable for ";
  return name.starts_with(k_prefix) ? name.substr(sizeof(k_prefix) - 1) : name;
}

}  // namespace arenite::inside
