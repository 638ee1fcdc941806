// Drawing the heap. See walk_drawing.hpp.

#include "walk_drawing.hpp"

#include <algorithm>
#include <span>

#include "arenite/arenite.h"
#include "steps.hpp"

namespace arenite::lab {
namespace {

using view::AreaKind;
using view::ListKind;
using view::SlabBits;
using view::SlabPlace;

// Too large for a stack.
constinit view::Snapshot g_snapshot;

// From so many alike in a row on they are drawn as one cell: of a range's blocks, of a slab's free
// ones.
constexpr size_t k_least_run = 9;
constexpr size_t k_least_free_run = 2;

int length(std::string_view text) {
  return static_cast<int>(text.size());
}

CellKind drawn(view::CellKind kind) {
  switch (kind) {
    case view::CellKind::metadata:
      return CellKind::metadata;
    case view::CellKind::used:
      return CellKind::used;
    case view::CellKind::free:
      return CellKind::free;
    case view::CellKind::fast:
      return CellKind::fast;
    case view::CellKind::top:
      return CellKind::top;
    case view::CellKind::fence:
      return CellKind::fence;
    case view::CellKind::untouched:
      return CellKind::untouched;
    case view::CellKind::reserved:
      return CellKind::reserved;
    case view::CellKind::slab:
      return CellKind::slab;
  }
  return CellKind::used;
}

// As chunk.hpp draws them: A, M, P.
std::string_view flags_text(unsigned flags) {
  constexpr std::string_view k_texts[] = {"", "P", "M", "MP", "A", "AP", "AM", "AMP"};
  return k_texts[flags % 8];
}

bool is_of_chunks(AreaKind kind) {
  return kind == AreaKind::main_run || kind == AreaKind::segment;
}

// What the engine keeps for itself, in the order in which it lies in the area.
struct Metadata {
  std::string_view label;
  Bilingual note;
};
Metadata metadata(const view::Area& area, unsigned number) {
  if (area.kind == AreaKind::main_run)
    return {"run",
            {"Where this run of the main arena begins and ends.", "主 arena 这一段的起止记录。"}};
  if (area.kind == AreaKind::segment && area.number == 0)
    return {
        "heap + arena",
        {"The heap's header, and behind it the state of the arena: its bins, its top, its lock.",
         "堆头（heap_info），后面是 arena 的状态：各个 bin、top 和锁。"}};
  if (area.kind == AreaKind::segment)
    return {"heap", {"The heap's header.", "堆头（heap_info）。"}};
  if (number == 0) return {"headers", {"64 bytes for each page.", "每页 64 字节。"}};
  if (number == 1)
    return {
        "words",
        {"Each slab's bits: 1 where a free block starts.", "每个 slab 的位：空闲块的起点为 1。"}};
  if (number == 2)
    return {"used",
            {"A bit for each 16 bytes: 1 where a block starts that is handed out.",
             "每 16 字节一位：已交给程序的块的起点为 1。"}};
  return {"marks",
          {"A byte for each block that another thread has freed, until its owner collects it.",
           "别的线程释放的块，每块一个字节，直到主人收回。"}};
}

// The line, with its thread even where that stands at the head of a block.
Words action_of(const ScriptLine& line) {
  const std::string_view text = line.action;
  const bool says_thread = text.front() >= '1' && text.front() <= '9';
  if (line.thread == 1 || says_thread) return Words("%.*s", length(text), text.data());
  return Words("%u: %.*s", line.thread, length(text), text.data());
}

}  // namespace

void WalkDrawing::look() {
  Breach breach;
  if (!view::verify(breach))
    fail(1, "walk", Words("the heap is broken: %s, %s", breach.invariant, breach.what));
  if (!g_snapshot.take() || !blocks_.settle(g_snapshot, script_.name_count()))
    fail(1, "walk", "the heap has more chunks than can be drawn");
}

void WalkDrawing::draw(std::string_view action, Bilingual text) {
  look();
  frame(action, text);
}

void WalkDrawing::draw(const ScriptLine& line) {
  look();
  if (!line.text.en.empty()) return frame(action_of(line), line.text);
  tell(line);
}

void WalkDrawing::frame(std::string_view action, Bilingual text) {
  Frame frame(drawing_, action, text);
  for (const view::Area& a : g_snapshot.areas()) area(frame, a);
  lists(frame);
  bits(frame);
  figures(frame);
}

// --- Text for a line that has none ---------------------------------------------------------------

// Where the first of the line's blocks is now.
void WalkDrawing::tell(const ScriptLine& line) {
  const Words action = action_of(line);
  if (line.count == 0)
    return frame(action, {"Whole free pages go back to the kernel.", "整页的空闲内存还给内核。"});
  const size_t name = script_.names(line).front();
  const Words called("%.*s", length(script_.name(name)), script_.name(name).data());
  const view::Cell* cell = cell_at(g_snapshot, reinterpret_cast<uintptr_t>(blocks_.block(name)));
  const view::Area* around = nullptr;
  for (const view::Area& a : g_snapshot.areas()) {
    if (cell != nullptr && cell->start - a.start < a.bytes) around = &a;
  }
  if (around == nullptr) {
    return frame(action,
                 {Words("The mapping of %.*s has gone back to the kernel, or is kept for the next.",
                        length(called), std::string_view(called).data()),
                  Words("%.*s 的映射已还给内核，或留待下次使用。", length(called),
                        std::string_view(called).data())});
  }
  const Words place = area_name(*around);
  const auto sentence = [&](const char* en, const char* zh) {
    const std::string_view who = called;
    const std::string_view where = place;
    frame(action, {Words("%.*s %s, %zu bytes at 0x%zx of %.*s.", length(who), who.data(), en,
                         cell->bytes, cell->start - around->start, length(where), where.data()),
                   Words("%.*s %s：%zu 字节，位于 %.*s 的 0x%zx。", length(who), who.data(), zh,
                         cell->bytes, length(where), where.data(), cell->start - around->start)});
  };
  if (line.verb != Verb::free) {
    if (around->kind == AreaKind::slab) return sentence("is a slab's block", "是 slab 中的一块");
    if (around->kind == AreaKind::mixed)
      return sentence("is a block of a mixed page", "是混合页中的一块");
    if (around->kind == AreaKind::spans) return sentence("is a run", "是一个 run（连续单元）");
    if (around->kind == AreaKind::mapping)
      return sentence("is a mapping of its own", "独占一个映射");
    return sentence("is a chunk", "是一个 chunk");
  }
  switch (cell->kind) {
    case view::CellKind::fast:
      return sentence("lies in a fast bin", "进入 fast bin");
    case view::CellKind::top:
      return sentence("has become part of the top", "并入 top");
    default:
      return around->kind == AreaKind::slab || around->kind == AreaKind::mixed
                 ? sentence("is a free block", "是空闲块")
             : around->kind == AreaKind::spans
                 ? sentence("is in a free run", "在一个空闲 run 中")
                 : sentence("is in a free chunk", "在一个空闲 chunk 中");
  }
}

// --- Memory --------------------------------------------------------------------------------------

const SlabBits* WalkDrawing::slab_at(uintptr_t start) const {
  for (const SlabBits& slab : g_snapshot.slabs()) {
    if (slab.start == start) return &slab;
  }
  return nullptr;
}

Words WalkDrawing::area_name(const view::Area& area) const {
  switch (area.kind) {
    case AreaKind::main_run:
      return Words("main arena, run %u", area.number);
    case AreaKind::segment:
      return Words("arena %u, heap %u", area.arena, area.number);
    case AreaKind::mapping: {
      const size_t name = blocks_.name_in(g_snapshot.cells(area).back());
      const std::string_view text = name == Blocks::k_no_name ? "" : script_.name(name);
      return Words("mapping of %.*s", length(text), text.data());
    }
    case AreaKind::spans:
      return Words("span region %u", area.number);
    case AreaKind::region:
      return Words("slab region %u", area.number);
    case AreaKind::slab:
      return Words("page %u: slab of %zu", area.number, slab_at(area.start)->block_bytes);
    case AreaKind::mixed:
      return Words("page %u: mixed", area.number);
  }
  return Words("%s", "");
}

void WalkDrawing::area(Frame& frame, const view::Area& area) {
  frame.area(area_name(area), 0, area.bytes);
  std::span<const view::Cell> cells = g_snapshot.cells(area);
  unsigned metadata_number = 0;
  while (!cells.empty()) {
    const size_t count = run_of_cells(area, cells);
    if (count == 1) {
      cell(frame, area, cells.front(), metadata_number);
      if (cells.front().kind == view::CellKind::metadata) metadata_number++;
    } else {
      cells_in_one(frame, area, cells.first(count));
    }
    cells = cells.subspan(count);
  }
}

// How many of the next cells are drawn as one.
size_t WalkDrawing::run_of_cells(const view::Area& area, std::span<const view::Cell> cells) const {
  const view::Cell& first = cells.front();
  const bool is_free_block = area.kind == AreaKind::slab && first.kind == view::CellKind::free;
  if (first.kind != view::CellKind::used && !is_free_block) return 1;
  if (is_free_block && !std::string_view(blocks_.label(script_, first)).empty()) return 1;
  size_t name = is_free_block ? Blocks::k_no_name : blocks_.name_in(first);
  if (!is_free_block && name == Blocks::k_no_name) return 1;
  size_t count = 1;
  for (; count < cells.size(); count++) {
    const view::Cell& next = cells[count];
    if (next.kind != first.kind || next.bytes != first.bytes || next.flags != first.flags) break;
    if (is_free_block) {
      if (!std::string_view(blocks_.label(script_, next)).empty()) break;
      continue;
    }
    const size_t next_name = blocks_.name_in(next);
    if (next_name == Blocks::k_no_name || !script_.follows(name, next_name)) break;
    name = next_name;
  }
  return count < (is_free_block ? k_least_free_run : k_least_run) ? 1 : count;
}

void WalkDrawing::cells_in_one(Frame& frame, const view::Area& area,
                               std::span<const view::Cell> cells) {
  const view::Cell& first = cells.front();
  const Words value("%zu x %zu", cells.size(), first.bytes);
  const size_t from = blocks_.name_in(first);
  Cell out{.at = first.start - area.start,
           .bytes = first.bytes * cells.size(),
           .kind = drawn(first.kind),
           .flags = flags_text(first.flags),
           .value = value};
  if (from == Blocks::k_no_name) return frame.cell(out);
  const std::string_view from_name = script_.name(from);
  const std::string_view to_name = script_.name(blocks_.name_in(cells.back()));
  const Words label("%.*s..%.*s", length(from_name), from_name.data(), length(to_name),
                    to_name.data());
  out.label = label;
  frame.cell(out);
}

void WalkDrawing::cell(Frame& frame, const view::Area& area, const view::Cell& cell,
                       unsigned metadata_number) {
  Cell out{.at = cell.start - area.start,
           .bytes = cell.bytes,
           .kind = drawn(cell.kind),
           .flags = flags_text(cell.flags)};
  const Words named = blocks_.label(script_, cell);
  out.label = named;
  switch (cell.kind) {
    case view::CellKind::metadata: {
      const Metadata about = metadata(area, metadata_number);
      out.label = about.label;
      out.note = about.note;
      return frame.cell(out);
    }
    case view::CellKind::top:
      out.label = "top";
      return frame.cell(out);
    case view::CellKind::slab: {
      const SlabBits* slab = slab_at(cell.start);
      const Words page("page %zu", (cell.start - area.start) / cell.bytes);
      const Words blocks = slab == nullptr
                               ? Words("%s", "mixed")
                               : Words("%u x %zu", slab->block_count, slab->block_bytes);
      out.label = page;
      out.value = blocks;
      return frame.cell(out);
    }
    case view::CellKind::used: {
      const size_t name = blocks_.name_in(cell);
      if (name == Blocks::k_no_name) {
        out.label = "libc";
        out.note = {"Not the script's: libc asked for it, to start a thread.",
                    "不是脚本申请的：libc 为启动线程而申请。"};
        return frame.cell(out);
      }
      // A chunk may use the next one's first word, a mapped one has no next. The rest has no
      // header.
      const size_t lost = is_of_chunks(area.kind) ? sizeof(size_t)
                          : cell.flags != 0       ? 2 * sizeof(size_t)
                                                  : 0;
      const Words en("%zu bytes asked for, %zu can be used", blocks_.asked(name),
                     cell.bytes - lost);
      const Words zh("请求 %zu 字节，可用 %zu 字节", blocks_.asked(name), cell.bytes - lost);
      out.note = {en, zh};
      return frame.cell(out);
    }
    case view::CellKind::free:
    case view::CellKind::fast:
      if (!out.label.empty()) out.value = cell.kind == view::CellKind::free ? "free" : "fast";
      return frame.cell(out);
    default:
      return frame.cell(out);
  }
}

// --- Lists ---------------------------------------------------------------------------------------

// A chunk in a list: its name or else its place, and its size where the list has several.
Words WalkDrawing::item(const view::List& list, uintptr_t chunk) const {
  const view::Cell* cell = cell_at(g_snapshot, chunk);
  const Words label = blocks_.label(script_, *cell);
  std::string_view name = label;
  Words place("+0x%zx", size_t{0});
  if (name.empty()) {
    for (const view::Area& area : g_snapshot.areas()) {
      if (chunk - area.start < area.bytes) place = Words("+0x%zx", chunk - area.start);
    }
    name = place;
  }
  if (list.from == list.to && list.kind != ListKind::last_remainder)
    return Words("%.*s", length(name), name.data());
  return Words("%.*s (%zu)", length(name), name.data(), cell->bytes);
}

void WalkDrawing::lists(Frame& frame) {
  for (const view::List& list : g_snapshot.lists()) {
    const Words arena = list.arena == 0 ? Words("%s", "") : Words(", arena %u", list.arena);
    const char* const where = std::string_view(arena).data();
    const int chars = length(arena);
    switch (list.kind) {
      case ListKind::fast:
        frame.list(Words("fast %zu%.*s", list.from, chars, where));
        break;
      case ListKind::unsorted:
        frame.list(Words("unsorted%.*s", chars, where));
        break;
      case ListKind::small:
        frame.list(Words("small %zu%.*s", list.from, chars, where));
        break;
      case ListKind::large:
        frame.list(list.to == SIZE_MAX
                       ? Words("large %zu.. %.*s", list.from, chars, where)
                       : Words("large %zu..%zu%.*s", list.from, list.to, chars, where));
        break;
      case ListKind::last_remainder:
        frame.list(Words("last remainder%.*s", chars, where));
        break;
    }
    for (const uintptr_t chunk : g_snapshot.items(list)) frame.item(item(list, chunk));
  }
  threads_of_arenas(frame);
  places_of_slabs(frame);
}

void WalkDrawing::threads_of_arenas(Frame& frame) {
  if (g_snapshot.arenas().size() < 2) return;
  unsigned number = 0;
  for (const view::ArenaFigures& arena : g_snapshot.arenas()) {
    frame.list(number == 0 ? Words("%s", "main arena") : Words("arena %u", number));
    number++;
    for (unsigned t = 1; t <= k_most_threads; t++) {
      if (team_.standing(t).arena == arena.identity) frame.item(Words("thread %u", t));
    }
  }
}

void WalkDrawing::places_of_slabs(Frame& frame) {
  if (g_snapshot.slabs().empty()) return;
  for (unsigned t = 1; t <= k_most_threads; t++) {
    const void* const owner = team_.standing(t).slabs;
    if (owner == nullptr) continue;
    slabs_at(frame, Words("slabs of thread %u with free blocks", t), SlabPlace::listed, owner);
    slabs_at(frame, Words("full slabs of thread %u", t), SlabPlace::full, owner);
  }
  slabs_at(frame, "full slabs, nobody's", SlabPlace::full, nullptr);
}

void WalkDrawing::slabs_at(Frame& frame, std::string_view name, SlabPlace place,
                           const void* owner) {
  bool has_begun = false;
  for (const view::Area& area : g_snapshot.areas()) {
    if (area.kind != AreaKind::slab) continue;
    const SlabBits* slab = slab_at(area.start);
    if (slab->place != place || slab->owner != owner) continue;
    if (!has_begun) frame.list(name);
    has_begun = true;
    frame.item(Words("page %u (%zu)", area.number, slab->block_bytes));
  }
}

// --- Bits and figures ----------------------------------------------------------------------------

void WalkDrawing::bits(Frame& frame) {
  const auto row = [&](uint64_t word) {
    char text[64];
    for (char& c : text) {
      c = (word & 1) != 0 ? '1' : '0';
      word >>= 1;
    }
    frame.row({text, sizeof text});
  };
  for (const view::Area& area : g_snapshot.areas()) {
    if (area.kind != AreaKind::slab) continue;
    const SlabBits* slab = slab_at(area.start);
    frame.bits(Words("page %u, words: a bit for %u bytes", area.number, slab->granule_bytes));
    for (unsigned i = 0; i < slab->word_count; i++) row(slab->words[i]);
    frame.bits(Words("page %u, blocks in use", area.number));
    for (unsigned i = 0; i < slab->word_count; i++) row(slab->used[i]);
    const auto marks = std::span(slab->marks).first(slab->word_count);
    if (std::all_of(marks.begin(), marks.end(), [](uint64_t word) { return word == 0; })) continue;
    frame.bits(Words("page %u, marks: freed by others", area.number));
    for (const uint64_t word : marks) row(word);
  }
}

void WalkDrawing::figures(Frame& frame) {
  size_t used = 0;
  size_t free = 0;
  size_t fast = 0;
  size_t heaps = 0;
  size_t mapped_count = 0;
  size_t mapped = 0;
  bool has_spans = false;
  size_t runs = 0;
  for (const view::Area& area : g_snapshot.areas()) {
    if (area.kind == AreaKind::segment) heaps++;
    if (area.kind == AreaKind::mapping) {
      mapped_count++;
      mapped += area.bytes;
    }
    if (area.kind == AreaKind::spans) {
      has_spans = true;
      for (const view::Cell& c : g_snapshot.cells(area)) {
        if (c.kind == view::CellKind::used) runs += c.bytes;
      }
    }
    if (!is_of_chunks(area.kind)) continue;
    for (const view::Cell& c : g_snapshot.cells(area)) {
      if (c.kind == view::CellKind::used) used += c.bytes;
      if (c.kind == view::CellKind::free) free += c.bytes;
      if (c.kind == view::CellKind::fast) fast += c.bytes;
    }
  }
  frame.figure("used_bytes", used);
  frame.figure("free_bytes", free);
  frame.figure("fast_bytes", fast);
  unsigned number = 0;
  size_t dirty = 0;
  for (const view::ArenaFigures& arena : g_snapshot.arenas()) {
    dirty += arena.dirty_free_bytes;
    if (number == 0) {
      frame.figure("top_bytes", arena.top_bytes);
      frame.figure("system_bytes", arena.system_bytes);
    } else {
      frame.figure(Words("arena_%u_top_bytes", number), arena.top_bytes);
      frame.figure(Words("arena_%u_system_bytes", number), arena.system_bytes);
    }
    number++;
  }
  if (number > 1) frame.figure("heaps", heaps);
  if (has_spans) {
    frame.figure("run_bytes", runs);
    arenite_statistics statistics{};
    if (arenite_stats(&statistics, sizeof statistics) == 0) dirty += statistics.retained_spans;
  }
  if (g_snapshot.arenas().front().tracks_pages) frame.figure("free_and_resident_bytes", dirty);
  if (mapped_count != 0) {
    frame.figure("mapped_blocks", mapped_count);
    frame.figure("mapped_bytes", mapped);
  }
  if (g_snapshot.kept_bytes() != 0) frame.figure("kept_mapping_bytes", g_snapshot.kept_bytes());
  if (!g_snapshot.slabs().empty()) frame.figure("slabs", g_snapshot.slabs().size());
}

}  // namespace arenite::lab
