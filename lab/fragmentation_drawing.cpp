// Measuring all candidates, and a bar for each. See fragmentation_drawing.hpp.

#include "fragmentation_drawing.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "frames.hpp"
#include "steps.hpp"

namespace arenite::lab {
namespace {

constexpr std::string_view k_program = "slab_and_buddy";

struct Malloc {
  const char* name;
  const char* mode;  // of the library; nullptr: libc's own malloc
};
constexpr Malloc k_mallocs[] = {
    {"glibc", nullptr}, {"arenite-classic", "classic"}, {"arenite", "default"}};

}  // namespace

void print_measured(const Fragmentation& found) {
  for (const Held& held : {found.filled, found.after_frees})
    printf("%zu %zu %zu\n", held.asked, held.used, held.held);
}

namespace {

[[noreturn]] void become_measured(const Malloc& malloc, const char* library, const char* mix) {
  if (malloc.mode != nullptr) {
    setenv("LD_PRELOAD", library, 1);
    setenv("ARENITE_MODE", malloc.mode, 1);
  } else {
    unsetenv("LD_PRELOAD");
    // Chunks that a thread's cache holds count as used, and are not what is asked here.
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
  }
  execl("/proc/self/exe", "slab_and_buddy", "--measure", mix, nullptr);
  fail(1, k_program, Words("cannot execute itself: %s", strerror(errno)));
}

Fragmentation of_other(const Malloc& malloc, const char* library, const Mix& mix) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail(1, k_program, "cannot make a pipe");
  const pid_t child = fork();
  if (child < 0) fail(1, k_program, "cannot fork");
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    become_measured(malloc, library, mix.name);
  }
  close(ends[1]);
  FILE* const output = fdopen(ends[0], "r");
  Fragmentation found;
  bool is_whole = output != nullptr;
  for (Held* held : {&found.filled, &found.after_frees}) {
    is_whole =
        is_whole && fscanf(output, "%zu %zu %zu", &held->asked, &held->used, &held->held) == 3;
  }
  if (output != nullptr) fclose(output);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!is_whole || status != 0) fail(1, k_program, Words("%s could not be measured", malloc.name));
  return found;
}

struct Candidate {
  std::string name;
  Fragmentation found;
};

// A bar for each: what was asked for, what the blocks take beyond it, what is held beyond that. The
// part that the frame is about is highlighted.
void draw_bars(Drawing& drawing, std::string_view action, Bilingual text,
               const std::vector<Candidate>& candidates, Held Fragmentation::*moment) {
  Frame frame(drawing, action, text);
  const bool is_about_frees = moment == &Fragmentation::after_frees;
  const auto percent = [](size_t permille) {
    return Words("%zu.%zu %%", permille / 10, permille % 10);
  };
  for (const Candidate& candidate : candidates) {
    const Held& held = candidate.found.*moment;
    const size_t whole = held.held > held.used ? held.held : held.used;
    const Words internal = percent(held.internal_permille());
    const Words external = percent(held.external_permille());
    frame.area(candidate.name, 0, whole);
    frame.cell({.at = 0, .bytes = held.asked, .kind = CellKind::used, .label = "asked for"});
    if (held.used > held.asked) {
      frame.cell({.at = held.asked,
                  .bytes = held.used - held.asked,
                  .kind = CellKind::header,
                  .label = "internal",
                  .value = internal,
                  .changed = !is_about_frees});
    }
    if (whole > held.used) {
      frame.cell({.at = held.used,
                  .bytes = whole - held.used,
                  .kind = CellKind::free,
                  .label = "external",
                  .value = external,
                  .changed = is_about_frees});
    }
  }
  for (const Candidate& candidate : candidates) {
    const Held& held = candidate.found.*moment;
    frame.figure(candidate.name + "_held_kib", held.held / 1024);
    frame.figure(candidate.name + "_internal_permille", held.internal_permille());
    frame.figure(candidate.name + "_external_permille", held.external_permille());
  }
}

}  // namespace

void draw_fragmentation(const char* library) {
  Drawing drawing("fragmentation", {"Fragmentation, measured", "碎片的测量"});
  const struct {
    Bilingual filled;
    Bilingual after;
  } texts[] = {
      {{"4 MiB of objects of 100 and of 160 bytes, in turn. Internal fragmentation is what a block "
        "takes beyond what was asked for: a page for each in the buddy, a header and rounding in "
        "chunks, a size class in slabs.",
        "交替申请 100 字节和 160 字节的对象，共 4 "
        "MiB。内部碎片是一块多占的部分：伙伴系统里每块一页，"
        "chunk 里是头部和取整，slab 里是大小类别。"},
       {"All of 160 bytes are freed. External fragmentation is what is free and cannot go back. In "
        "chunks the kinds lie in the same pages, and no page is free; each kind of slab has pages "
        "of "
        "its own.",
        "释放全部 160 字节的对象。外部碎片是空闲却无法归还的部分。chunk 的两种对象同在一页，"
        "没有一页全空；slab 里各种对象各用各的页。"}},
      {{"4 MiB of objects of 16 to 256 bytes.", "16 到 256 字节的对象，共 4 MiB。"},
       {"Seven of eight are freed, at random. Nobody is spared: a page holds dozens of objects, "
        "and one "
        "that lives is enough.",
        "随机释放八分之七。谁也逃不掉：一页有几十个对象，一个还活着就够了。"}},
      {{"4 MiB of blocks of 4 to 64 KiB. The slabs leave these to their buddy, whose powers of two "
        "cost a quarter; chunks cost eight bytes each.",
        "4 到 64 KiB 的块，共 4 MiB。slab 把它们交给伙伴系统，二的幂要浪费四分之一；chunk 每块只多"
        " 8 字节。"},
       {"Seven of eight are freed, at random. Whole pages inside a free chunk go back when "
        "malloc_trim "
        "asks for them.",
        "随机释放八分之七。空闲 chunk 内部的整页，malloc_trim 可以归还。"}},
  };
  size_t index = 0;
  for (const Mix& mix : mixes()) {
    std::vector<Candidate> candidates = {{"buddy", of_buddy(mix)}, {"slabs", of_slabs(mix)}};
    for (const Malloc& malloc : k_mallocs) {
      if (malloc.mode == nullptr || library != nullptr)
        candidates.push_back({malloc.name, of_other(malloc, library, mix)});
    }
    draw_bars(drawing, Words("%s: filled", mix.name), texts[index].filled, candidates,
              &Fragmentation::filled);
    draw_bars(drawing, Words("%s: freed", mix.name), texts[index].after, candidates,
              &Fragmentation::after_frees);
    index++;
  }
}

}  // namespace arenite::lab
