// A cell for each header, a cell for what follows it. See kr_drawing.hpp.

#include "kr_drawing.hpp"

namespace arenite::lab {
std::string KrDrawing::place(Address address) const {
  if (address == heap_.base()) return "base";
  if (address < heap_.start() || address >= end_) return std::string(Words("0x%x", address));
  return std::string(Words("heap+%u", address - heap_.start()));
}

void KrDrawing::draw_base(Frame& frame, Address area_start) const {
  const std::string next = place(heap_.next_of(heap_.base()));
  frame.cell({.at = heap_.base() - area_start,
              .bytes = KrHeap::k_unit_bytes,
              .kind = CellKind::header,
              .label = "base",
              .value = Words("next %s, %u units", next.c_str(), heap_.units_of(heap_.base())),
              .link = heap_.next_of(heap_.base()),
              .note = {"The ring's own header. It has no block, so it is never handed out.",
                       "环形链表自己的头节点，不带内存块，因此永远不会被分配出去。"}});
}

void KrDrawing::draw_free_header(Frame& frame, Address block) const {
  const std::string next = place(heap_.next_of(block));
  const uint32_t units = heap_.units_of(block);
  frame.cell(
      {.at = block - heap_.start(),
       .bytes = KrHeap::k_unit_bytes,
       .kind = block == damaged_ ? CellKind::changed : CellKind::header,
       .value = Words("next %s, %u units", next.c_str(), units),
       .link = heap_.next_of(block),
       .note = {Words("The header of a free block: the next free one is at %s; %u units of 8 "
                      "bytes, itself included.",
                      next.c_str(), units),
                Words("空闲块的头节点：下一个空闲块在 %s；连自己在内 %u 个单位，"
                      "每单位 8 字节。",
                      next.c_str(), units)}});
}

void KrDrawing::draw_block(Frame& frame, Address block) const {
  const Address body = block + KrHeap::k_unit_bytes;
  const uint32_t units = heap_.units_of(block);
  const uint32_t bytes = heap_.bytes_of(block) - KrHeap::k_unit_bytes;
  const auto pointer = pointers_.find(body);
  const bool is_used = pointer != pointers_.end() && pointer->second.is_used;
  const Address at = block - heap_.start();
  if (is_used) {
    const char* const name = pointer->second.name.c_str();
    frame.cell({.at = at,
                .bytes = KrHeap::k_unit_bytes,
                .kind = CellKind::header,
                .value = Words("%u units", units),
                .note = {Words("The header of %s: %u units of 8 bytes, itself included. Its next "
                               "means nothing while the block is used.",
                               name, units),
                         Words("%s 的头节点：连自己在内 %u 个单位，每单位 8 字节。"
                               "块在使用时 next 字段没有意义。",
                               name, units)}});
  } else if (heap_.next_of(block) == 0) {
    frame.cell({.at = at,
                .bytes = KrHeap::k_unit_bytes,
                .kind = CellKind::header,
                .value = Words("%u units", units),
                .note = {"The header of a block that is in no ring.", "还不在环里的块的头节点。"}});
  } else {
    draw_free_header(frame, block);
  }
  frame.cell({.at = at + KrHeap::k_unit_bytes,
              .bytes = bytes,
              .kind = is_used ? CellKind::used : CellKind::free,
              .label = is_used ? std::string_view(pointer->second.name) : std::string_view(),
              .value = is_used ? memory_.text(body, bytes) : ""});
}

void KrDrawing::draw_heap(Frame& frame) const {
  const Address heap_break = memory_.program_break();
  frame.area("heap", heap_.start(), end_ - heap_.start());
  for (Address block = heap_.start(); block < heap_break; block += heap_.bytes_of(block)) {
    draw_block(frame, block);
  }
  if (heap_break < end_) {
    frame.cell({.at = heap_break - heap_.start(),
                .bytes = end_ - heap_break,
                .kind = CellKind::reserved,
                .note = {"Beyond the break: not the process's until the kernel moves it.",
                         "在 Break 之上：内核抬高 Break 之前不属于本进程。"}});
  }
  for (const auto& [address, pointer] : pointers_) {
    frame.mark(address - heap_.start(), pointer.name);
  }
  frame.mark(heap_break - heap_.start(), "break");
}

}  // namespace arenite::lab
