// A drawn experiment is a row of frames: each says what was just done and shows memory as it is
// now.
//
//   Drawing drawing("first-fit", {"Eight steps", "八个步骤"});
//   Frame frame(drawing, "p1 = malloc(8)", {"Cut from the end.", "从末尾截出。"});
//   frame.area("heap", start, 56);
//   frame.cell({.at = 0, .bytes = 40, .kind = CellKind::free, .label = "free"});
//   frame.cell({.at = 40, .bytes = 16, .kind = CellKind::used, .label = "p1"});
//   frame.mark(56, "break");
//   frame.list("free list", {"0"});
//   frame.figure("free_bytes", 40);
//
// A drawing becomes one line of JSON on standard output and each frame, when it goes out of scope,
// ends one more; `arenite lab` reads them through a pipe, and its terminal and the web player draw
// them. What is absent is empty; [...] repeats.
//
//   {"drawing":"first-fit","title":{"en":"Eight steps","zh":"八个步骤"}}
//   {"frame":0,                              counted from 0 in each drawing
//    "action":"p1 = malloc(8)",              what was done, as code
//    "text":{"en":"…","zh":"…"},             what happened and why: one or two sentences
//    "memory":[{"name":"heap",
//               "start":"0x10000",           its address; all else is relative to it. Absent (0)
//                                            where each run would have another
//               "bytes":56,
//               "cells":[{"at":40,"bytes":16,
//                         "kind":"used",     used free fast top header fence untouched reserved
//                         slab
//                                            metadata changed
//                         "label":"p1",      what to call it: a variable, a role
//                         "flags":"P",       short marks: a chunk's bits
//                         "value":"next 0",  what is in it
//                         "link":"0x10000",  the address that it holds: an arrow to there
//                         "note":{"en":"…","zh":"…"},   more of it, shown on request
//                         "changed":true}],  is drawn highlighted
//               "marks":[{"at":56,"name":"break"}]}],   named places, the end included
//    "lists":[{"name":"free list","items":["0"]}],
//    "bits":[{"name":"slab of 32 bytes","rows":["1110…"]}],     a row is a word, the first bit
//    first "outputs":[{"name":"glibc","lines":["free(): …"],"end":"killed by signal 6"}],
//    "figures":{"free_bytes":40}}
//
// Cells come in order and tile their area from 0; where they end before "bytes", the rest is drawn
// as not shown. A long cell is drawn shortened. `arenite lab` sets "changed" itself on each cell
// that the frame before did not have just so, unless a cell of the frame says it already; `kind`
// changed is for bytes that were written where nobody should have.
//
// Nothing here allocates, so that a program may draw the very allocator it runs on: text is put
// into a buffer in the frame and written when that is full. Therefore the parts of a frame come in
// this order: areas, each with its cells and then its marks; lists; bits; outputs; figures. A part
// that comes too late ends the program with a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "json_text.hpp"

namespace arenite::lab {

enum class CellKind {
  used,
  free,
  fast,
  top,
  header,
  fence,
  untouched,
  reserved,
  slab,
  metadata,
  changed
};

inline constexpr uint64_t k_no_link = ~uint64_t{0};

struct Cell {
  uint64_t at = 0;
  uint64_t bytes = 0;
  CellKind kind = CellKind::used;
  std::string_view label = {};
  std::string_view flags = {};
  std::string_view value = {};
  uint64_t link = k_no_link;
  Bilingual note = {};
  bool changed = false;
};

class Drawing {
 public:
  // The name is a word that a command line can name.
  Drawing(std::string_view name, Bilingual title);

 private:
  friend class Frame;
  uint64_t frames_ = 0;
};

class Frame {
 public:
  Frame(Drawing& drawing, std::string_view action, Bilingual text);
  ~Frame();  // ends the line
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  void area(std::string_view name, uint64_t start, uint64_t bytes);
  void cell(const Cell& cell);
  void mark(uint64_t at, std::string_view name);

  // A list, whole or item by item.
  void list(std::string_view name, std::initializer_list<std::string_view> items = {});
  void item(std::string_view item);

  void bits(std::string_view name);
  void row(std::string_view zeros_and_ones);

  // What a program printed, line by line, and how it ended.
  void output(std::string_view name, std::string_view end);
  void line(std::string_view line);

  void figure(std::string_view name, uint64_t value);

 private:
  // In their order. An entry is an area, a list …; an array is its cells, marks, items …
  enum class Part { head, areas, lists, bits, outputs, figures };
  enum class Array { none, cells, marks, items, rows, lines };

  void enter(Part part);
  void begin_entry(Part part, std::string_view name);
  void end_entry();
  void enter(Array array);
  void enter_entry(Part part, Array array);  // where an entry must be open

  Part part_ = Part::head;
  Array array_ = Array::none;
  bool has_entry_ = false;
  JsonText json_;
};

}  // namespace arenite::lab
