// Reading the first bytes of an ELF file. See reach.hpp.
//
//   e_ident   magic, then the class: 32 or 64 bits
//   program headers: PT_INTERP names the dynamic linker; without one the program is static
//
// A program is only looked at, never refused: exec() has the last word.

#include "reach.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

namespace arenite::command {
namespace {

// The file that execvp() would take, or empty.
std::string resolve(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* const variable = getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/bin:/usr/bin";
  for (;;) {
    const std::string_view directory = path.substr(0, path.find(':'));
    std::string file(directory.empty() ? "." : directory);
    file.append("/").append(program);
    struct stat status {};
    if (access(file.c_str(), X_OK) == 0 && stat(file.c_str(), &status) == 0 &&
        S_ISREG(status.st_mode)) {
      return file;
    }
    if (directory.size() == path.size()) return {};
    path.remove_prefix(directory.size() + 1);
  }
}

template <typename Header, typename Segment>
bool has_interpreter(std::ifstream& file) {
  Header header{};
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return true;
  for (size_t i = 0; i < header.e_phnum; i++) {
    Segment segment{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + i * header.e_phentsize));
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return true;
    if (segment.p_type == PT_INTERP) return true;
  }
  return false;
}

// Whether exec() would change the identity, which turns preloading off.
bool changes_identity(const struct stat& status) {
  return ((status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid()) ||
         ((status.st_mode & S_ISGID) != 0 && status.st_gid != getegid());
}

}  // namespace

ElfClass class_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char ident[EI_NIDENT] = {};
  if (!file.read(ident, sizeof ident) || memcmp(ident, ELFMAG, SELFMAG) != 0) return ElfClass::none;
  return ident[EI_CLASS] == ELFCLASS64 ? ElfClass::bits_64 : ElfClass::bits_32;
}

ElfClass class_of_program(const std::string& program) {
  const std::string path = resolve(program);
  return path.empty() ? ElfClass::none : class_of_file(path);
}

std::string why_unreached(const std::string& program, const std::string& library) {
  const std::string path = resolve(program);
  struct stat status {};
  if (path.empty() || stat(path.c_str(), &status) != 0) return {};
  if (changes_identity(status)) return "it runs as another user or group, which forbids preloading";
  const ElfClass elf_class = class_of_file(path);
  if (elf_class == ElfClass::none) return {};
  std::ifstream file(path, std::ios::binary);
  const bool dynamic = elf_class == ElfClass::bits_64
                           ? has_interpreter<Elf64_Ehdr, Elf64_Phdr>(file)
                           : has_interpreter<Elf32_Ehdr, Elf32_Phdr>(file);
  if (!dynamic) return "it is statically linked; link it with libarenite.a instead";
  if (elf_class != class_of_file(library)) return "it is of another word size than the library";
  return {};
}

}  // namespace arenite::command
