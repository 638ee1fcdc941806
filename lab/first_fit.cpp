// Experiment first-fit: the allocator of the book, through eight steps.
//
// A heap of 56 bytes: cut from it twice, give one piece back, and find that what is free lies in
// two places and neither is large enough. So the break moves, neighbours join, and the request is
// served after all. Sizes are as small as they can be; the book asks the kernel for 8 KiB at a
// time, and here it is 32 bytes, so that everything can be drawn. The page first-fit.md goes
// through it.

#include <algorithm>

#include "frames.hpp"
#include "kr_drawing.hpp"
#include "kr_heap.hpp"
#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr Address k_base = TinyMemory::k_start;
constexpr Address k_heap = k_base + 0x40;
constexpr uint32_t k_first_units = 7;   // 56 bytes
constexpr uint32_t k_growth_units = 4;  // 32 bytes
constexpr Address k_end = k_heap + (k_first_units + k_growth_units) * KrHeap::k_unit_bytes;

class EightSteps {
 public:
  EightSteps() {
    heap_.watch([this](KrHeap::Moment moment) {
      if (moment == KrHeap::Moment::grown) {
        show("sbrk(32), for p3 = malloc(16)",
             {"Two blocks are free with 8 bytes each, but they are not neighbours and 16 are "
              "wanted. "
              "The break moves up by 32: a new block, in no ring yet.",
              "两个空闲块各有 8 字节，但不连续，而需要 16 字节。于是 Break 抬高 32 字节：得到一个"
              "新块，还不在环里。"});
      } else {
        show("free(the new block)",
             {"It is freed like any other, and its neighbour below is free: the two become one "
              "block "
              "of 48 bytes. Joining where it can be done keeps blocks from becoming ever smaller.",
              "新块像普通块一样被释放，它下方的邻居也空闲：两块合并成一个 48 "
              "字节的块。能合并就合并，"
              "块才不会越切越小。"});
      }
    });
  }

  void go() {
    show("sbrk(56)", {"The heap is one free block of 7 units, 56 bytes: a header and 48 bytes.",
                      "堆由一个空闲块组成，7 个单位，共 56 字节：头节点加 48 字节。"});
    const Address p1 = take("p1", 8);
    show(
        "p1 = malloc(8)",
        {"16 bytes are cut from the end of the free block: a header of 8 and 8 for the program. p1 "
         "is the address behind the header.",
         "从空闲块末尾切下 16 字节：8 字节头节点，8 字节给用户。p1 指向头节点之后。"});
    take("p2", 16);
    show("p2 = malloc(16)",
         {"24 more from the same end. What stays free keeps its place in the ring: "
          "only its size changes.",
          "再从同一个末尾切下 24 字节。剩下的空闲块在环里的位置不变，只改了大小。"});
    give(p1);
    show("free(p1)",
         {"The block goes into the ring at the place that its address gives it. Two free "
          "blocks, 16 bytes each, with p2 between them. p1 still points there.",
          "块按地址插回环里。现在有两个空闲块，各 16 字节，中间隔着 p2。p1 仍指着那里，"
          "成了野指针。"});
    const Address p3 = take("p3", 16);
    show(
        "p3 = malloc(16)",
        {"24 bytes are cut from the end of the joined block: 8 for the header, 16 for the program.",
         "从合并后的块末尾切下 24 字节：头节点 8 字节，用户 16 字节。"});
    give(p3);
    show("free(p3)",
         {"Its neighbour is free, so both are one block again. The break stays where it "
          "is: what came from the kernel does not go back.",
          "它的邻居空闲，于是又合成一块。Break 不动：从内核拿来的内存不再归还。"});
  }

 private:
  Address take(const char* name, uint32_t bytes) {
    const Address pointer = heap_.allocate(bytes);
    drawing_.took(pointer, name);
    return pointer;
  }
  void give(Address pointer) {
    heap_.release(pointer);
    drawing_.gave(pointer);
  }

  void show(std::string_view action, Bilingual text) {
    Frame frame(frames_, action, text);
    frame.area("variables", k_base, KrHeap::k_unit_bytes);
    drawing_.draw_base(frame, k_base);
    drawing_.draw_heap(frame);
    frame.list("free blocks");
    uint32_t free_bytes = 0;
    uint32_t largest = 0;
    for (const Address block : heap_.ring()) {
      const uint32_t bytes = heap_.bytes_of(block);
      frame.item(Words("%s: %u bytes", drawing_.place(block).c_str(), bytes));
      free_bytes += bytes;
      largest = std::max(largest, bytes);
    }
    frame.figure("heap_bytes", memory_.program_break() - k_heap);
    frame.figure("free_bytes", free_bytes);
    frame.figure("largest_possible_request", largest - KrHeap::k_unit_bytes);
  }

  TinyMemory memory_{k_heap};
  KrHeap heap_{memory_, k_base, k_first_units, k_growth_units};
  KrDrawing drawing_{memory_, heap_, k_end};
  Drawing frames_{"first-fit", {"An allocator in eight steps", "八步看懂内存分配器"}};
};

constexpr char k_help[] =
    "usage: first_fit\n"
    "Walks a tiny allocator through eight steps and prints one JSON line for each.\n"
    "Best started by `arenite lab first-fit`, which draws them.\n";

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv, "first_fit", k_help, {});
  EightSteps().go();
  return 0;
}
