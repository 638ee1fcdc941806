// The K&R heap, where the first-fit experiment left it after free(p1): p2 lies right below a free
// block, so whatever is written behind p2's end is that block's header. See attack.hpp.

#include "attack.hpp"
#include "kr_drawing.hpp"

namespace arenite::lab {
namespace {

constexpr Address k_base = TinyMemory::k_start;
// The program's variables. To the allocator `tries` could be a block's next, `limit` its units.
constexpr Address k_tries = k_base + 8;
constexpr Address k_limit = k_base + 12;
constexpr Address k_admin = k_base + 16;
constexpr Address k_greeting = k_base + 20;
constexpr Address k_variables_end = k_base + 32;
constexpr Address k_heap = k_base + 0x40;
constexpr uint32_t k_units = 7;
constexpr Address k_end = k_heap + k_units * KrHeap::k_unit_bytes;

// What strcpy() copies.
template <size_t k_size>
constexpr std::string_view with_its_zero(const char (&text)[k_size]) {
  return {text, k_size};
}

class Program {
 public:
  Program(std::string_view name, Bilingual title) : frames_(name, title) {
    memory_.set_word(k_limit, 3);
    memory_.copy(k_greeting, "welcome");
    const Address p1 = heap_.allocate(8);
    p2_ = heap_.allocate(16);
    heap_.release(p1);
    drawing_.took(p2_, "p2");
  }

  void overflow_p2(std::string_view input) {
    memory_.copy(p2_, input);
    drawing_.damaged(p2_ + 16);
  }
  void take_p3() { p3_ = heap_.allocate(16); }
  void write_p3(std::string_view input) { memory_.copy(p3_, input); }
  uint32_t admin() const { return memory_.word(k_admin); }

  // With what the program said at last, if anything.
  void show(std::string_view action, Bilingual text, std::string_view said = {},
            std::string_view end = {}) {
    Frame frame(frames_, action, text);
    draw_variables(frame);
    drawing_.draw_heap(frame);
    draw_ring(frame);
    if (said.empty()) return;
    frame.output("the program", end);
    frame.line(said);
  }

 private:
  void draw_variables(Frame& frame) const {
    frame.area("variables", k_base, k_variables_end - k_base);
    drawing_.draw_base(frame, k_base);
    const auto number = [&](Address address, const char* name) {
      frame.cell({.at = address - k_base,
                  .bytes = 4,
                  .kind = CellKind::used,
                  .label = name,
                  .value = Words("%u", memory_.word(address))});
    };
    number(k_tries, "tries");
    number(k_limit, "limit");
    number(k_admin, "admin");
    frame.cell({.at = k_greeting - k_base,
                .bytes = k_variables_end - k_greeting,
                .kind = CellKind::used,
                .label = "greeting",
                .value = memory_.text(k_greeting, k_variables_end - k_greeting)});
    if (p3_ != 0) frame.mark(p3_ - k_base, "p3");
  }

  // The ring as far as it can be followed.
  void draw_ring(Frame& frame) const {
    frame.list("ring", {"base"});
    Address block = heap_.base();
    try {
      for (int steps = 0; steps < 8; steps++) {
        block = heap_.next_of(block);
        if (block == heap_.base()) return;
        frame.item(Words("%s: %u bytes", drawing_.place(block).c_str(), heap_.bytes_of(block)));
      }
    } catch (const Fault&) {
      // The null pointer that ends the reading is no address of anything.
      frame.item(Words("%s: no memory", block == 0 ? "null" : drawing_.place(block).c_str()));
    }
  }

  TinyMemory memory_{k_heap};
  KrHeap heap_{memory_, k_base, k_units, 4};
  KrDrawing drawing_{memory_, heap_, k_end};
  Drawing frames_;
  Address p2_ = 0;
  Address p3_ = 0;
};

constexpr std::string_view k_before = "free(p1)";
constexpr Bilingual k_before_text = {
    "The heap of first-fit after its fourth step. p2 has 16 bytes, and behind them lies the header "
    "of "
    "a free block.",
    "first-fit 实验第四步之后的堆。p2 有 16 字节，紧接着就是一个空闲块的头节点。"};

}  // namespace

void draw_accident() {
  Program program("accident", {"A string that is too long", "一个过长的字符串"});
  program.show(k_before, k_before_text);
  program.overflow_p2(with_its_zero("AAAAAAAAAAAAAAAAAAA"));
  program.show(
      "strcpy(p2, 19 letters)",
      {"19 letters and the zero behind them are 20 bytes. The last four land in the next "
       "block's header: its next is now 0x414141, which is \"AAA\". Nothing happens yet.",
       "19 个字母加结尾的 0 共 20 字节。最后 4 字节落进后一块的头节点：next 变成 0x414141，"
       "也就是 \"AAA\"。眼下什么也没发生。"});
  try {
    program.take_p3();
  } catch (const Fault& fault) {
    program.show("p3 = malloc(16)",
                 {"No block up to here is large enough, so the search follows the ring, to an "
                  "address that was text. The program dies in malloc, far from its mistake.",
                  "到这里为止没有够大的块，查找便沿着环走下去，走到一个原是文本的地址。"
                  "程序死在 malloc 里，离真正的错误很远。"},
                 Words("reads at 0x%x, where no memory is", fault.address), "a segmentation fault");
  }
}

void draw_aimed_header() {
  Program program("aimed", {"The same, with care", "同样的溢出，精心构造"});
  program.show(k_before, k_before_text);
  program.overflow_p2(std::string_view("AAAAAAAAAAAAAAAA\x08\x10\0\0", 20));
  program.show(
      "strcpy(p2, 16 letters and 08 10)",
      {"The same overflow, but next is now 0x1008: the address of tries. Read as a header, "
       "tries is a next and limit is a size: 3 units, which happens to be what comes next.",
       "同样的溢出，但 next 现在是 0x1008：变量 tries 的地址。当作头节点来读，tries 是 next，"
       "limit 是大小：3 个单位，正好是接下来要的。"});
  program.take_p3();
  program.show(
      "p3 = malloc(16)",
      {"The search takes the variables for a block that fits exactly, and returns the "
       "address behind its header: p3 is the address of admin.",
       "查找把变量当成一个正好合适的空闲块，返回其头节点之后的地址：p3 就是 admin 的地址。"});
  program.write_p3(with_its_zero("root"));
  program.show("strcpy(p3, \"root\")",
               {"The program stores a name in its new block. It was never told that the block is "
                "where it keeps who may do what.",
                "程序把一个名字存进新块。没人告诉它，这个块就是它保存权限的地方。"},
               Words("admin is %u: access granted", program.admin()), "goes on");
}

}  // namespace arenite::lab
