// The doubly linked heap and the unlink write, as it was done to allocators around the year 2000:
// overwrite the next block's header so that it seems free, with links that say what to write and
// where, and have the block before it freed. See attack.hpp.

#include <string>

#include "attack.hpp"
#include "frames.hpp"
#include "linked_heap.hpp"

namespace arenite::lab {
namespace {

// The program's variables: the list's header, and the address of what it calls when it ends.
constexpr Address k_bin = TinyMemory::k_start;
constexpr Address k_on_exit = k_bin + LinkedHeap::k_bin_bytes;
constexpr Address k_variables_end = k_on_exit + 4;
constexpr Address k_goodbye = 0x0c40;  // in the program's text, which is not drawn
constexpr Address k_heap = TinyMemory::k_start + 0x40;
constexpr uint32_t k_block_bytes = 24;  // a header and 16
constexpr uint32_t k_heap_bytes = 2 * k_block_bytes;
constexpr Address k_a = k_heap;
constexpr Address k_b = k_heap + k_block_bytes;
constexpr Address k_input = k_a + LinkedHeap::k_header_bytes;
constexpr Address k_code = k_input + 8;  // the input's part that is to be run
constexpr Address k_forged_forward = k_on_exit - LinkedHeap::k_back;

constexpr std::string_view k_overflow = "read(a, 32 bytes)";

// 8 letters, 8 bytes of code; then b's header: "24 bytes, free", and its links.
std::string hostile_input() {
  std::string input = "AAAAAAAA<code..>";
  for (const uint32_t word : {k_block_bytes, k_block_bytes, k_forged_forward, k_code}) {
    input.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return input;
}

class Program {
 public:
  explicit Program(Drawing& frames) : frames_(frames) {
    memory_.set_word(k_on_exit, k_goodbye);
    heap_.allocate(16);  // b: the first one is cut from the end
    heap_.allocate(16);  // a
  }

  void overflow() {
    memory_.copy(k_input, hostile_input());
    is_overwritten_ = true;
  }
  void free_a() {
    heap_.release(k_input);
    is_freed_ = true;
  }
  LinkedHeap& heap() { return heap_; }
  Address on_exit() const { return memory_.word(k_on_exit); }

  void show(std::string_view action, Bilingual text, std::string_view said = {},
            std::string_view end = {}) {
    Frame frame(frames_, action, text);
    draw_variables(frame);
    draw_heap(frame);
    if (said.empty()) return;
    frame.output("the program", end);
    frame.line(said);
  }

 private:
  void draw_variables(Frame& frame) const;
  void draw_heap(Frame& frame) const;
  void draw_header(Frame& frame, Address block) const;
  void draw_link(Frame& frame, Address at, const char* name, CellKind kind) const;
  void draw_bytes(Frame& frame, Address at, uint32_t bytes, const char* label, CellKind kind) const;

  TinyMemory memory_{k_heap};
  LinkedHeap heap_{memory_, k_bin, k_heap_bytes};
  Drawing& frames_;
  bool is_overwritten_ = false;
  bool is_freed_ = false;
};

std::string place(Address address) {
  if (address == k_bin) return "bin";
  if (address == k_goodbye) return "goodbye()";
  if (address == k_forged_forward) return "on_exit-12";
  if (address == k_code) return "the input";
  if (address >= k_heap) return std::string(Words("heap+%u", address - k_heap));
  return std::string(Words("0x%x", address));
}

void Program::draw_link(Frame& frame, Address at, const char* name, CellKind kind) const {
  const Address to = memory_.word(at);
  frame.cell({.at = at - (at < k_heap ? k_bin : k_heap),
              .bytes = 4,
              .kind = kind,
              .label = name,
              .value = place(to),
              .link = to});
}

void Program::draw_bytes(Frame& frame, Address at, uint32_t bytes, const char* label,
                         CellKind kind) const {
  frame.cell({.at = at - k_heap,
              .bytes = bytes,
              .kind = kind,
              .label = label,
              .value = memory_.text(at, bytes)});
}

void Program::draw_variables(Frame& frame) const {
  frame.area("variables", k_bin, k_variables_end - k_bin);
  frame.cell({.at = 0,
              .bytes = LinkedHeap::k_header_bytes,
              .kind = CellKind::header,
              .label = "bin",
              .note = {"The list's header, laid out as a block whose sizes nobody reads.",
                       "链表头，布局与块相同，但没有人读它的大小字段。"}});
  draw_link(frame, k_bin + LinkedHeap::k_forward, "fd", CellKind::metadata);
  draw_link(frame, k_bin + LinkedHeap::k_back, "bk", CellKind::metadata);
  draw_link(frame, k_on_exit, "on_exit",
            on_exit() == k_goodbye ? CellKind::used : CellKind::changed);
}

void Program::draw_header(Frame& frame, Address block) const {
  const CellKind kind = block == k_b && is_overwritten_ ? CellKind::changed : CellKind::header;
  const uint32_t before = heap_.before_of(block);
  frame.cell({.at = block - k_heap,
              .bytes = 4,
              .kind = kind,
              .label = "before",
              .value = before < k_bin ? std::string(Words("%u", before)) : place(before),
              .note = {"How many bytes the block before it has; 0 where there is none.",
                       "前一块有多少字节；没有前一块则为 0。"}});
  frame.cell({.at = block + 4 - k_heap,
              .bytes = 4,
              .kind = kind,
              .label = "size",
              .flags = heap_.is_used(block) ? "U" : "",
              .value = Words("%u", heap_.bytes_of(block)),
              .note = {"How many bytes this block has, its header included; U: it is used.",
                       "本块连头节点在内有多少字节；U 表示正在使用。"}});
}

void Program::draw_heap(Frame& frame) const {
  frame.area("heap", k_heap, k_heap_bytes);
  draw_header(frame, k_a);
  if (is_freed_) {
    draw_link(frame, k_a + LinkedHeap::k_forward, "fd", CellKind::metadata);
    draw_link(frame, k_a + LinkedHeap::k_back, "bk", CellKind::metadata);
    draw_bytes(frame, k_code, 8, "", CellKind::free);
    draw_bytes(frame, k_b, k_block_bytes, "", CellKind::free);
  } else {
    draw_bytes(frame, k_input, 16, "a", CellKind::used);
    draw_header(frame, k_b);
    if (is_overwritten_) {
      draw_link(frame, k_b + LinkedHeap::k_forward, "fd", CellKind::changed);
      draw_link(frame, k_b + LinkedHeap::k_back, "bk", CellKind::changed);
      draw_bytes(frame, k_b + LinkedHeap::k_bin_bytes, 8, "b", CellKind::used);
    } else {
      draw_bytes(frame, k_b + LinkedHeap::k_header_bytes, 16, "b", CellKind::used);
    }
  }
  frame.mark(k_input - k_heap, "a");
  frame.mark(k_b + LinkedHeap::k_header_bytes - k_heap, "b");
}

}  // namespace

void draw_unlink() {
  Drawing frames("unlink", {"The unlink write", "unlink 写攻击"});
  Program program(frames);
  program.show(
      "a = malloc(16), b = malloc(16)",
      {"Two blocks of a heap with sizes in every header and two links in every free block. "
       "When the program ends it calls what on_exit holds: goodbye().",
       "这个堆的每个头节点都有大小，每个空闲块都有两个链接。程序结束时调用 on_exit 里的地址："
       "goodbye()。"});
  program.overflow();
  program.show(
      "read(a, 32 bytes)",
      {"The input has 32 bytes, a has 16. b's header now says that b is free, and its links "
       "are the input's: fd is 12 bytes below on_exit, bk is the input's own address.",
       "输入有 32 字节，而 a 只有 16 字节。b 的头节点现在说 b 是空闲的，链接也由输入给出："
       "fd 是 on_exit 往下 12 字节，bk 是输入自己的地址。"});
  program.heap().watch([&](LinkedHeap::Moment moment) {
    if (moment == LinkedHeap::Moment::wrote_back) {
      program.show(
          "free(a): b->fd->bk = b->bk",
          {"The block behind a seems free, so the two are to be joined and b is to leave its "
           "list. The first write: 12 bytes above fd, where a block has its bk, goes bk. "
           "That is on_exit.",
           "a 后面的块看起来是空闲的，于是要合并，先把 b 从链表摘下。第一次写：在 fd 之上 "
           "12 字节处（块的 bk 所在）写入 bk。那里正是 on_exit。"});
    } else {
      program.show(
          "free(a): b->bk->fd = b->fd",
          {"The second write goes 8 bytes above bk: into the memory behind the code, where "
           "it does no harm.",
           "第二次写落在 bk 之上 8 字节处：在“代码”之后的内存里，无关紧要。"});
    }
  });
  program.free_a();
  program.show("free(a)", {"a and b are one free block of 48 bytes and in the list. The heap is in "
                           "order again: whoever looks at it now finds nothing.",
                           "a 和 b 合成一个 48 字节的空闲块，挂进链表。堆又井然有序：现在再看，"
                           "什么也看不出来。"});
  program.show("on_exit()",
               {"The program ends and calls what on_exit holds. What runs is the input.",
                "程序结束，调用 on_exit 里的地址。运行的是输入的内容。"},
               Words("calls 0x%x: the 8 bytes <code..>", program.on_exit()),
               "does what the input says");
}

void draw_check() {
  Drawing frames("check", {"The same with a check", "同样的输入，多一道检查"});
  Program program(frames);
  program.heap().check_links(true);
  program.overflow();
  program.show(k_overflow, {"The same input, and b seems free as before.",
                            "同样的输入，b 看起来同样是空闲的。"});
  try {
    program.free_a();
  } catch (const BrokenList&) {
    program.show(
        "free(a)",
        {"One question before the writes: do b->fd->bk and b->bk->fd lead back to b? They would, "
         "were b in a list; but on_exit holds goodbye(). Nothing has been written.",
         "写之前先问一句：b->fd->bk 和 b->bk->fd 是否都指回 b？b 若真在链表里，就一定会；可是 "
         "on_exit 里是 goodbye()。什么都还没写。"},
        "corrupted double-linked list", "abort");
  }
}

}  // namespace arenite::lab
