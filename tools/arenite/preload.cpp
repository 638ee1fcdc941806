// Running the command's own --version with the library preloaded, and reading what the dynamic
// linker says of it. See preload.hpp.

#include "preload.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "child.hpp"
#include "errors.hpp"
#include "reach.hpp"

namespace arenite::command {
namespace {

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = read(file, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

// "ERROR: ld.so: object '…' from LD_PRELOAD cannot be preloaded (invalid ELF header): ignored."
std::string reason_in(const std::string& said) {
  constexpr char k_words[] = "cannot be preloaded (";
  const size_t at = said.find(k_words);
  if (at == std::string::npos) return {};
  const size_t from = at + strlen(k_words);
  const size_t to = said.find("): ignored", from);
  return to == std::string::npos ? "it cannot be preloaded" : said.substr(from, to - from);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string why_not_loaded(const std::filesystem::path& library) {
  const ElfClass of_library = class_of_file(library.string());
  if (of_library == ElfClass::none) return "it is no ELF file";
  if (of_library != k_own_class) return {};

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  // The linker may be told to stop or to talk in a way that only the program's user means.
  std::vector<std::string> environment = {"LD_PRELOAD=" + library.string()};
  if (const char* const path = getenv("LD_LIBRARY_PATH"))
    environment.push_back(std::string("LD_LIBRARY_PATH=") + path);
  std::vector<char*> entries;
  for (std::string& entry : environment) entries.push_back(entry.data());
  entries.push_back(nullptr);
  std::string name = "arenite";
  std::string word = "--version";
  std::array<char*, 3> arguments = {name.data(), word.data(), nullptr};
  pid_t child = -1;
  const int error =
      posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), entries.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string said = error == 0 ? read_all(ends[0]) : "";
  close(ends[0]);
  int status = 0;
  if (error != 0 || waitpid(child, &status, 0) < 0) return {};
  std::string reason = reason_in(said);
  if (!reason.empty()) return reason;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return said.empty() ? "a program with it " + describe_end(status) : first_line(said);
}

}  // namespace arenite::command
