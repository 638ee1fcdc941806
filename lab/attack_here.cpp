// The same strings against real allocators. Each victim is this program once more, in a process of
// its own with the allocator preloaded; what it says on its standard error and how it ends is the
// answer. See attack.hpp.
//
// A victim has two neighbours, a below b. `text` writes 16 bytes more than a was asked for, over
// b's header where it has one and over b itself, and then frees both. `unlink` has freed b and
// writes links into it, aimed at a variable, before it frees a; who is still there takes two such
// blocks again.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "attack.hpp"
#include "frames.hpp"
#include "steps.hpp"

namespace arenite::lab {
namespace {

// --- The victim ----------------------------------------------------------------------------------

constexpr size_t k_overflow_bytes = 16;
constexpr unsigned k_patience_seconds = 20;  // for one that neither ends nor goes on

// What the unlink write is aimed at: a function pointer, say, with room before it for a header.
std::array<size_t, 4> s_target = {0, 0, 0, 0x600d};

void say(const char* text) {
  fputs(text, stderr);
  fputc('\n', stderr);
}

struct Neighbours {
  char* a = nullptr;
  char* b = nullptr;
};

// Of a few blocks the two that are nearest to each other.
Neighbours take_neighbours(size_t bytes) {
  std::array<char*, 16> blocks{};
  for (char*& block : blocks) {
    block = static_cast<char*>(malloc(bytes));
    if (block == nullptr) fail(1, "attack", "out of memory");
    memset(block, 'b', bytes);
  }
  std::sort(blocks.begin(), blocks.end());
  Neighbours nearest{blocks[0], blocks[1]};
  for (size_t i = 1; i + 1 < blocks.size(); i++) {
    if (blocks[i + 1] - blocks[i] < nearest.b - nearest.a) nearest = {blocks[i], blocks[i + 1]};
  }
  return nearest;
}

int overflow_with_text(size_t bytes) {
  const Neighbours blocks = take_neighbours(bytes);
  char* volatile a = blocks.a;  // the compiler is not to see how large it is
  memset(a, 'A', bytes + k_overflow_bytes);
  free(blocks.a);
  say("free(a) returns");
  if (*static_cast<volatile char*>(blocks.b) == 'A') say("b's own bytes are A's");
  free(blocks.b);
  say("free(b) returns");
  return 0;
}

int overflow_with_links(size_t bytes) {
  const Neighbours blocks = take_neighbours(bytes);
  size_t* volatile b = reinterpret_cast<size_t*>(blocks.b);
  free(blocks.b);
  b[0] = reinterpret_cast<size_t>(&s_target[0]);  // fd: its bk is s_target[3]
  b[1] = reinterpret_cast<size_t>(blocks.a);      // bk: what is to be written there
  free(blocks.a);
  say("free(a) returns");
  const size_t volatile& target = s_target[3];
  say(target == 0x600d ? "the variable is as it was" : "the variable was overwritten");
  const char* volatile first = static_cast<char*>(malloc(bytes));
  const char* volatile second = static_cast<char*>(malloc(bytes));
  if (first == blocks.a && second == blocks.b) say("a and b, taken again, are where they were");
  return 0;
}

size_t to_number(const char* text) {
  size_t value = 0;
  std::from_chars(text, text + strlen(text), value);
  return value;
}

// --- Watching it ---------------------------------------------------------------------------------

struct Input {
  const char* kind;
  const char* bytes;
  const char* others;  // how many blocks of that size the program has already
};

struct Outcome {
  std::vector<std::string> lines;
  std::string end;
};

struct Allocator {
  const char* name;
  const char* mode;  // of arenite
};
constexpr Allocator k_allocators[] = {
    {"glibc", nullptr}, {"arenite-classic", "classic"}, {"arenite", "default"}};

[[noreturn]] void become_victim(const Input& input, const Allocator& allocator,
                                const std::string& library, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  dup2(output, STDERR_FILENO);
  unsetenv("LD_PRELOAD");
  if (allocator.mode != nullptr) {
    setenv("LD_PRELOAD", library.c_str(), 1);
    setenv("ARENITE_MODE", allocator.mode, 1);
  }
  execl("/proc/self/exe", "attack", "victim", input.kind, input.bytes, input.others, nullptr);
  _exit(127);
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return std::string(Words("killed by signal %d (%s)", signal, strsignal(signal)));
  }
  if (WEXITSTATUS(status) == 0) return "goes on";
  return std::string(Words("ended with status %d", WEXITSTATUS(status)));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

Outcome run_victim(const Input& input, const Allocator& allocator, const std::string& library) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(1, "attack", strerror(errno));
  const pid_t child = fork();
  if (child < 0) fail(1, "attack", strerror(errno));
  if (child == 0) become_victim(input, allocator, library, ends[1]);
  close(ends[1]);
  std::string text;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t got = read(ends[0], buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {lines_of(text), describe(status)};
}

// A request that fills a chunk and a run: 20 KiB less the header. And so many blocks of it that a
// process's first ones, which lie elsewhere in the default mode, are not the victim's.
constexpr uint64_t k_run_bytes = 20 * 1024;
constexpr char k_run_request[] = "20472";
constexpr char k_run_others[] = "4";

// --- Drawing it ----------------------------------------------------------------------------------

// Two neighbouring chunks, from a's size field on. Of b `damaged` bytes are overwritten, its size
// field too if `has_lost_size`.
void draw_chunks(Frame& frame, std::string_view name, uint64_t bytes, uint64_t damaged,
                 bool has_lost_size) {
  constexpr uint64_t k_field = 8;
  frame.area(name, 0, 2 * (k_field + bytes));
  uint64_t at = 0;
  const auto cell = [&](uint64_t size, CellKind kind, std::string_view label) {
    frame.cell({.at = at, .bytes = size, .kind = kind, .label = label});
    at += size;
  };
  cell(k_field, CellKind::header, "size");
  cell(bytes, CellKind::used, "a");
  cell(k_field, has_lost_size ? CellKind::changed : CellKind::header, "size");
  cell(damaged, CellKind::changed, has_lost_size ? "b" : "fd, bk");
  cell(bytes - damaged, has_lost_size ? CellKind::used : CellKind::free, "");
}

// Two neighbouring runs of a region, nothing between. Of b `damaged` bytes are overwritten.
void draw_runs(Frame& frame, std::string_view name, uint64_t damaged, bool is_free) {
  frame.area(name, 0, 2 * k_run_bytes);
  frame.cell({.at = 0, .bytes = k_run_bytes, .kind = CellKind::used, .label = "a"});
  frame.cell({.at = k_run_bytes, .bytes = damaged, .kind = CellKind::changed, .label = "b"});
  frame.cell({.at = k_run_bytes + damaged,
              .bytes = k_run_bytes - damaged,
              .kind = is_free ? CellKind::free : CellKind::used});
}

// Two neighbouring blocks of a slab: 24 bytes asked for, 32 given, nothing between.
void draw_slab(Frame& frame) {
  frame.area("two blocks of a slab", 0, 64);
  frame.cell({.at = 0, .bytes = 32, .kind = CellKind::used, .label = "a"});
  frame.cell({.at = 32, .bytes = 8, .kind = CellKind::changed, .label = "b"});
  frame.cell({.at = 40, .bytes = 24, .kind = CellKind::used});
}

void run_victims(Frame& frame, const std::string& library, const Input& input) {
  for (const Allocator& allocator : k_allocators) {
    if (allocator.mode != nullptr && library.empty()) continue;
    const Outcome outcome = run_victim(input, allocator, library);
    frame.output(allocator.name, outcome.end);
    for (const std::string& line : outcome.lines) frame.line(line);
  }
}

}  // namespace

int be_victim(int argc, char** argv) {
  if (argc != 3) fail(2, "attack", "a victim takes a kind, a size and a number");
  alarm(k_patience_seconds);
  const size_t bytes = to_number(argv[1]);
  for (size_t others = to_number(argv[2]); others > 0; others--) {
    if (malloc(bytes) == nullptr) fail(1, "attack", "out of memory");
  }
  return strcmp(argv[0], "text") == 0 ? overflow_with_text(bytes) : overflow_with_links(bytes);
}

void draw_here(const std::string& library) {
  Drawing drawing("here", {"The same input, here", "同样的输入，在这里"});
  {
    Frame frame(
        drawing, "24 bytes: strcpy(a, 40 letters), free(a), free(b)",
        {"b's size field is letters now. glibc's thread cache takes a without a look at it and "
         "notices at b; the chunk engine looks at the next header before it takes a.",
         "b 的大小字段成了字母。glibc 的线程缓存收下 a 时不看它，到 b 才发现；"
         "chunk 引擎在收下 a 之前先看后一个头节点。"});
    draw_chunks(frame, "two chunks", 24, 8, true);
    run_victims(frame, library, {"text", "24", "0"});
  }
  {
    Frame frame(
        drawing, "the same, in a program that has 10,000 such blocks",
        {"In the default mode they are a slab's by now. There is no header behind a, only b's "
         "own bytes: b's owner is harmed, the allocator cannot be.",
         "默认模式下这时块已出自 slab。a 后面没有头节点，只有 b 自己的数据：受害的是 b 的主人，"
         "分配器无从下手。"});
    draw_chunks(frame, "two chunks", 24, 8, true);
    draw_slab(frame);
    run_victims(frame, library, {"text", "24", "10000"});
  }
  {
    Frame frame(
        drawing, "20,472 bytes: strcpy(a, 20,488 letters), free(a), free(b)",
        {"Too large for caches and slabs. glibc and the classic mode look at the next header. In "
         "the "
         "default mode these are two runs: no header lies between, and what the allocator knows of "
         "them lies far away.",
         "大到不进缓存也不进 slab。glibc 和 classic 模式检查后一个头节点。默认模式下这是两个 run："
         "中间没有头节点，分配器的账放在远处。"});
    draw_chunks(frame, "two large chunks", k_run_bytes - 8, 8, true);
    draw_runs(frame, "two runs", 8, false);
    run_victims(frame, library, {"text", k_run_request, k_run_others});
  }
  {
    Frame frame(
        drawing, "20,472 bytes: free(b), forged fd and bk, free(a)",
        {"The unlink write. glibc and the classic mode ask whether the neighbours in the list lead "
         "back; arenite's links are sealed with a secret as well, so that a forged one already "
         "leads nowhere. The default mode reads nothing of a free run, so nothing can be forged.",
         "unlink 写攻击。glibc 和 classic 模式都会问链表里的邻居是否指回来；arenite 的链接还用密钥"
         "加了封，伪造的链接根本指不到任何地方。默认模式不读空闲 run "
         "里的任何内容，也就无从伪造。"});
    draw_chunks(frame, "two large chunks, the second one free", k_run_bytes - 8, 16, false);
    draw_runs(frame, "two runs, the second one free", 16, true);
    run_victims(frame, library, {"unlink", k_run_request, k_run_others});
  }
}

}  // namespace arenite::lab
