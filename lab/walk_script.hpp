// The script that `walk` runs: a line does one thing to the heap, and a frame is drawn after it.
//
//   a = malloc 24            sizes take K and M: 100K is 102,400
//   b = calloc 3 100
//   c = realloc b 500        b is no more; a name may take its own place
//   d = memalign 64 100
//   free a
//   m1..m40 = malloc 64      forty blocks, one frame; calloc and memalign, too
//   free m40..m1 by 2        m40, m38, ... m2
//   trim 64K                 malloc_trim; the pad may be left out
//   e = malloc 24; free d    two steps, one frame
//   2: e = malloc 24         on thread 2, a real one, which begins with its first line; thread 1
//                            is the program's own
//   thread 2                 the same for all lines up to `end`
//   mode default             before all else: the mode that the script is written for
//
// A name is in use from its line to its free. `# text` before a line is the text of its frame, in
// English, and `#zh text` in Chinese. A paragraph of such comments that belongs to no line is the
// drawing's title if it is the first, and the text of the frame before all lines if the second.
//
// A script is read and checked as a whole before its first line is run; what is wrong with it ends
// the program with one line that names the line. No memory is allocated: there are tables for as
// many lines and names as k_most_... say, and text stays where it was read.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "frames.hpp"

namespace arenite::lab {

inline constexpr size_t k_most_lines = 2048;
inline constexpr size_t k_most_names = 8192;
inline constexpr unsigned k_most_threads = 8;
inline constexpr size_t k_longest_name = 15;

enum class Verb { malloc, calloc, realloc, memalign, free, trim };

// A step of a line; most lines have one.
struct ScriptLine {
  unsigned number = 0;  // in the script
  unsigned thread = 0;  // from 1
  Verb verb = Verb::malloc;
  size_t first = 0;  // of its names, see Script::names
  size_t count = 0;
  size_t source = 0;     // realloc: the name whose block it takes
  size_t operand = 0;    // calloc: the count; memalign: the alignment
  size_t size = 0;       // the request's; trim: the pad
  bool goes_on = false;  // the next step is on the same line of the script: no frame between
  std::string_view action;
  Bilingual text;
};

class Script {
 public:
  // Reads a script and checks it. Ends the program if something is wrong with it.
  void read(std::string_view text);

  std::span<const ScriptLine> lines() const { return {lines_, line_count_}; }
  // The names of a line, each a number less than name_count().
  std::span<const size_t> names(const ScriptLine& line) const {
    return {uses_ + line.first, line.count};
  }
  size_t name_count() const { return name_count_; }
  std::string_view name(size_t n) const { return {names_[n].text, names_[n].length}; }
  // Whether the second of two names is the first with the next number: m7 and m8.
  bool follows(size_t first, size_t second) const;
  bool wants_default_mode() const { return wants_default_mode_; }
  Bilingual title() const { return title_; }
  Bilingual opening() const { return opening_; }

 private:
  static constexpr size_t k_most_uses = 4 * k_most_names;
  static constexpr size_t k_most_text = 128 * 1024;

  struct Name {
    char text[k_longest_name + 1];
    size_t length;
    unsigned since;  // the line that made it; 0: it is not in use
    unsigned until;  // the line that freed it last; 0: it never was in use
  };
  struct Comment {
    size_t begin;  // in text_
    size_t size;
  };

  void read_line(std::string_view line);
  void comment(std::string_view line);
  void end_paragraph();
  Bilingual take_comments();
  void statement(std::string_view line);
  void step(std::string_view text, unsigned thread);
  bool directive(std::string_view first);
  void assignment(std::string_view target);
  void release();
  void add(ScriptLine line);

  std::string_view word();
  std::string_view need_word(const char* what);
  void end_of_line();
  size_t size_word(const char* what);
  unsigned thread_number(std::string_view text);
  void use_names(std::string_view text, bool may_step);
  void use_name(std::string_view text);
  size_t find(std::string_view text);
  void begin_use(size_t name);
  void end_use(size_t name);
  [[noreturn]] void wrong(std::string_view message) const;

  ScriptLine lines_[k_most_lines] = {};
  size_t line_count_ = 0;
  Name names_[k_most_names] = {};
  size_t name_count_ = 0;
  size_t uses_[k_most_uses] = {};
  size_t use_count_ = 0;
  char text_[k_most_text] = {};
  size_t text_size_ = 0;
  Bilingual title_;
  Bilingual opening_;
  bool wants_default_mode_ = false;

  // While reading.
  unsigned number_ = 0;
  unsigned paragraphs_ = 0;
  unsigned block_thread_ = 0;  // of `thread N` ... `end`; 0: outside
  unsigned block_line_ = 0;
  std::string_view rest_;  // of the line
  Bilingual comments_;
};

}  // namespace arenite::lab
