// Experiment walk: a script of requests, run on the living engine, and the heap drawn after each.
//
//   walk                                     every script there is, each on a heap of its own
//   walk --script coalescing                 one of them
//   walk --script my.walk --mode default     a file, or - for standard input
//
// The program is linked with the library, so the heap that it draws is its own malloc's. Between
// lines nothing of it allocates: script, names and snapshots lie in static tables. It links no C++
// runtime either, which would take 72 KiB of the heap before main. So the first chunk that is drawn
// is the script's first.
//
// What a script may say is in walk_script.hpp, how the heap is drawn in walk_drawing.hpp.

#include <fcntl.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "policy/settings.hpp"
#include "steps.hpp"
#include "walk_drawing.hpp"
#include "walk_scripts.hpp"

namespace {

using namespace arenite::lab;

constexpr std::string_view k_program = "walk";
constexpr size_t k_longest_script = 256 * 1024;
constexpr size_t k_most_variables = 1024;

constinit Script g_script;
constinit Blocks g_blocks;
constinit Team g_team;

void say(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = write(STDOUT_FILENO, text.data(), text.size());
}

// --- Running a line ------------------------------------------------------------------------------

void* request(const ScriptLine& line) {
  switch (line.verb) {
    case Verb::malloc:
      return malloc(line.size);
    case Verb::calloc:
      return calloc(line.operand, line.size);
    case Verb::memalign:
      return memalign(line.operand, line.size);
    case Verb::realloc:
      return realloc(g_blocks.block(line.source), line.size);
    case Verb::free:
    case Verb::trim:
      break;
  }
  return nullptr;
}

// On the line's thread.
void run_line(void* with) {
  const ScriptLine& line = *static_cast<const ScriptLine*>(with);
  if (line.verb == Verb::trim) malloc_trim(line.size);
  for (const size_t name : g_script.names(line)) {
    if (line.verb == Verb::free) {
      free(g_blocks.block(name));
      g_blocks.freed(name);
      continue;
    }
    void* const block = request(line);
    if (block == nullptr) fail(1, k_program, Words("line %u: no memory", line.number));
    if (line.verb == Verb::realloc) g_blocks.freed(line.source);
    g_blocks.made(name, block, line.verb == Verb::calloc ? line.operand * line.size : line.size);
  }
}

void run_script(std::string_view name, std::string_view mode) {
  Bilingual title = g_script.title();
  if (title.en.empty()) title = {name, name};
  if (title.zh.empty()) title.zh = title.en;
  const auto size = [](std::string_view text) { return static_cast<int>(text.size()); };
  // One heap looks much like another: the title says what is drawn.
  const Words en("%.*s (%.*s mode)", size(title.en), title.en.data(), size(mode), mode.data());
  const Words zh("%.*s（%.*s 模式）", size(title.zh), title.zh.data(), size(mode), mode.data());
  Drawing drawing(name, {en, zh});
  WalkDrawing walk(drawing, g_script, g_blocks, g_team);
  const Bilingual opening = g_script.opening();
  walk.draw("start", opening.en.empty()
                         ? Bilingual{"Nothing has been asked for yet.", "还没有任何请求。"}
                         : opening);
  for (const ScriptLine& line : g_script.lines()) {
    if (!g_team.has(line.thread)) {
      g_team.begin(line.thread);
      walk.draw(
          Words("thread %u begins", line.thread),
          {"Thread 1 creates it; libc asks for the new thread's table of thread-local storage.",
           "线程 1 创建它；libc 为新线程的线程局部存储表申请内存。"});
    }
    g_team.run(line.thread, run_line, const_cast<ScriptLine*>(&line));
    if (!line.goes_on) walk.draw(line);
  }
}

// --- Where a script comes from -------------------------------------------------------------------

// What to say of a name that no script has.
Words meant_by(const char* name) {
  namespace policy = arenite::policy;
  const char* nearest = nullptr;
  size_t least = SIZE_MAX;
  for (const WalkScript& script : walk_scripts()) {
    const size_t d = policy::distance(name, strlen(name), script.name, strlen(script.name));
    if (d >= least || !policy::is_near(d, strlen(name))) continue;
    least = d;
    nearest = script.name;
  }
  return nearest == nullptr ? Words("--list names those") : Words("did you mean %s?", nearest);
}

// "coalescing      Coalescing: free neighbours become one chunk (classic mode)"
void list_scripts() {
  int width = 0;
  for (const WalkScript& script : walk_scripts())
    width = std::max(width, static_cast<int>(strlen(script.name)));
  for (const WalkScript& script : walk_scripts()) {
    const std::string_view text = script.text;
    // Titles and modes stand where Script::read finds them; it reads one script in a process.
    const size_t comment = std::min(text.find("# "), text.size());
    const std::string_view title = text.substr(comment + 2, text.find('\n', comment) - comment - 2);
    say(Words("%-*s  %.*s (%s mode)\n", width, script.name, static_cast<int>(title.size()),
              title.data(), text.starts_with("mode default") ? "default" : "classic"));
  }
}

// A file's text, in a buffer that stays; "-" is standard input.
std::string_view read_file(const char* path) {
  static char text[k_longest_script];
  const int file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const int why = errno;
    fail(2, k_program,
         Words("%s: %s (and no script of that name is built in; %s)", path, strerror(why),
               meant_by(path).text()));
  }
  size_t size = 0;
  for (;;) {
    const ssize_t n = read(file, text + size, sizeof text - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(2, k_program, Words("%s: %s", path, strerror(errno)));
    if (n == 0) break;
    size += static_cast<size_t>(n);
    if (size == sizeof text) fail(2, k_program, Words("%s is too long", path));
  }
  return {text, size};
}

std::string_view base_name(std::string_view path) {
  if (path == "-") return "script";
  while (path.find('/') != path.npos) path.remove_prefix(path.find('/') + 1);
  if (path.ends_with(".walk")) path.remove_suffix(5);
  return path;
}

// --- Modes and processes -------------------------------------------------------------------------

// The library reads its mode from the environment at the first request, which is yet to come.
void set_mode(std::string_view mode) {
  static char* environment[k_most_variables + 2];
  static char variable[64];
  if (arenite::view::standing().arena != nullptr)
    fail(1, k_program, "something has asked for memory before the script");
  snprintf(variable, sizeof variable, "ARENITE_MODE=%.*s", static_cast<int>(mode.size()),
           mode.data());
  size_t count = 0;
  for (char** entry = environ; *entry != nullptr && count < k_most_variables; entry++) {
    if (strncmp(*entry, "ARENITE_MODE=", 13) != 0) environment[count++] = *entry;
  }
  environment[count] = variable;
  environ = environment;
}

// `mode` may be empty: the script's own.
void walk_through(std::string_view name, std::string_view text, std::string_view mode) {
  g_script.read(text);
  if (mode.empty()) mode = g_script.wants_default_mode() ? "default" : "classic";
  set_mode(mode);
  run_script(name, mode);
}

// Each in a child, and so on a heap of its own.
void walk_through_all(std::string_view mode) {
  for (const WalkScript& script : walk_scripts()) {
    const pid_t child = fork();
    if (child < 0) fail(1, k_program, Words("cannot fork: %s", strerror(errno)));
    if (child == 0) {
      walk_through(script.name, script.text, mode);
      _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
}

constexpr char k_help[] =
    "usage: walk [--script NAME|FILE|-] [--mode classic|default]\n"
    "Runs a script of requests on the library and draws the heap after each line: one JSON line a\n"
    "frame (lab/frames.hpp). Without --script: all that are built in, which --list names. Without\n"
    "--mode: the script's own. Best started by `arenite lab walk`.\n";

}  // namespace

int main(int argc, char** argv) {
  const char* script = nullptr;
  std::string_view mode;
  for (int i = 1; i < argc; i++) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "--version" || option == "--list") {
      if (option == "--help") say(k_help);
      if (option == "--version") say("walk " ARENITE_VERSION "\n");
      if (option == "--list") list_scripts();
      return 0;
    }
    if (option != "--script" && option != "--mode")
      fail(2, k_program, Words("'%s'? There are --script, --mode, --list and --help", argv[i]));
    if (i + 1 == argc) fail(2, k_program, Words("%s wants a value", argv[i]));
    i++;
    if (option == "--script") script = argv[i];
    if (option == "--mode") mode = argv[i];
  }
  if (!mode.empty() && mode != "classic" && mode != "default")
    fail(2, k_program, "--mode is classic or default");
  if (script == nullptr) {
    walk_through_all(mode);
    return 0;
  }
  for (const WalkScript& s : walk_scripts()) {
    if (std::string_view(s.name) != script) continue;
    walk_through(s.name, s.text, mode);
    return 0;
  }
  const std::string_view text = read_file(script);
  walk_through(base_name(script), text, mode);
  return 0;
}
