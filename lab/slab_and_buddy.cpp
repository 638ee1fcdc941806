// Experiment slab-and-buddy: Linux' two allocators in miniature, drawn and then measured.
//
//   slab-and-buddy   a cache of one kind of object over sixteen pages of a buddy: objects keep
//   their
//                    place and their state, slabs get colours, spans split and join
//   fragmentation    the same requests served by the buddy, by slabs over it, and by three mallocs
//
// The mallocs are measured in processes of their own, which this one starts: itself, with
// --measure. The page slab-and-buddy.md goes through it, and says how arenite's slabs differ.

#include <array>
#include <cstdio>
#include <map>
#include <string>

#include "fragmentation.hpp"
#include "fragmentation_drawing.hpp"
#include "frames.hpp"
#include "steps.hpp"
#include "tiny_buddy.hpp"
#include "tiny_slab.hpp"

namespace {

using namespace arenite::lab;

constexpr std::string_view k_program = "slab_and_buddy";

// --- Drawn ---------------------------------------------------------------------------------------

constexpr unsigned k_drawn_order = 4;  // sixteen pages
alignas(TinyBuddy::k_page) std::array<char, TinyBuddy::k_page << k_drawn_order> g_area;

// What the cache holds: a task, as far as its constructor and its user touch it.
struct Task {
  uint64_t built;  // the constructor's running number
  uint64_t uses;   // tasks that have lived in it; goes on from one to the next
  char rest[624];
};

class Show {
 public:
  Show() {
    buddy_.watch([this](TinyBuddy::Moment moment, size_t page, unsigned order) {
      const size_t pages = size_t{1} << order;
      const Words en =
          pages == 1 ? Words("page %zu", page) : Words("pages %zu to %zu", page, page + pages - 1);
      const Words zh =
          pages == 1 ? Words("第 %zu 页", page) : Words("第 %zu 至 %zu 页", page, page + pages - 1);
      if (moment == TinyBuddy::Moment::split) {
        frame(Words("split %zu pages", 2 * pages),
              {Words("Too large, so it is cut in two: %s, and the buddy behind.", en.text()),
               Words("太大，对半切开：%s，后面是它的伙伴。", zh.text())});
      } else {
        frame(Words("join into %zu", pages),
              {Words("Its buddy is free and whole, so the two are one span again: %s.", en.text()),
               Words("伙伴也空闲且完整，两者合回一段：%s。", zh.text())});
      }
    });
  }

  void go() {
    frame("start", {"Sixteen pages of 4 KiB, free in one span. A cache for tasks, objects of 640 "
                    "bytes, has no slab yet.",
                    "十六个 4 KiB 的页，是一整段空闲。任务对象（640 字节）的缓存还没有 slab。"});
    take(1);
    frame("t1 = take",
          {"The cache has a slab of one page now: a header, and six objects, all constructed at "
           "once. "
           "t1 is the first. 192 bytes are left over at the end.",
           "缓存有了一个一页的 slab：一个头部和六个对象，一次全部构造好。t1 是第一个。末尾多出 192 "
           "字节。"});
    take(2, 4);
    frame("t2..t4 = take", {"The next three, from the same slab: nothing is constructed.",
                            "接着三个，来自同一个 slab：不再构造。"});
    give(2);
    frame(
        "give t2",
        {"t2 is free, and stays as its user has left it: constructed. Nothing is written into it; "
         "which objects are free is told by numbers in the header.",
         "t2 空闲，保持用完时的样子：已构造。没有任何东西写进对象里；哪些空闲由头部的编号记录。"});
    take(5);
    frame("t5 = take",
          {"The object that was freed last is taken first: the place of t2, its lines still in the "
           "cache, and its state kept: built as number 2, now in its second use.",
           "最后释放的最先取走：t2 的位置，缓存行还热着，状态也在：第 2 个构造，现在第二次使用。"});
    take(6, 10);
    frame("t6..t10 = take",
          {"The first slab is full. The second begins its objects 64 bytes later: its colour. The "
           "first objects of the two would else lie in the same lines of the cache.",
           "第一个 slab 满了。第二个的对象向后错开 64 字节，这就是着色；否则两个 slab 的首个对象会"
           "落到相同的缓存行。"});
    take(11, 20);
    frame("t11..t20 = take",
          {"The colours go on, 128 and then 192 bytes. The fifth slab would begin at 0 again: all "
           "that "
           "is left over is used.",
           "着色继续：128，再到 192 字节。第五个 slab 又从 0 开始：多余的空间都用上了。"});
    spans_["buffer"] = buddy_.take(2);
    frame("buffer = 4 pages of the buddy",
          {"Somebody else needs three pages. The buddy knows powers of two only, so it is four: a "
           "page "
           "of internal fragmentation. Four of them begin at a multiple of four.",
           "别处需要三页。伙伴系统只有二的幂，于是给四页：一页内部碎片。四页的段从四的倍数开始。"});
    for (unsigned t = 14; t <= 19; t++) give(t);
    frame("give t14..t19",
          {"All objects of the third slab. It is empty now and keeps its page and its constructed "
           "objects, for the cache will be asked again.",
           "第三个 slab 的对象全部归还。它空了，但保留着页和已构造的对象，因为缓存还会被请求。"});
    give_all();
    frame("give the rest", {"No task is left. The slabs are empty, and not one page has gone back.",
                            "任务都没有了。slab 全空，但一页也没归还。"});
    cache_.shrink();
    frame("shrink",
          {"Memory is short: the cache is asked to shrink, and gives its empty slabs to the buddy, "
           "where pages find their buddies again. The buffer stays in the way of the last joins.",
           "内存紧张，要求缓存收缩：空 slab 还给伙伴系统，各页找回伙伴。buffer "
           "还挡着最后几次合并。"});
    buddy_.give(spans_["buffer"]);
    spans_.clear();
    frame("give the buffer",
          {"One span of sixteen pages, as at the start. Two orders of joins, without "
           "a search: a buddy's number differs in one bit.",
           "又是十六页的一整段，和开始时一样。合并不用搜索：伙伴的编号只差一位。"});
  }

 private:
  void take(unsigned first, unsigned last = 0) {
    for (unsigned t = first; t <= (last == 0 ? first : last); t++) {
      auto* const task = static_cast<Task*>(cache_.take());
      task->uses++;
      tasks_[t] = task;
    }
  }
  void give(unsigned t) {
    cache_.give(tasks_[t]);
    tasks_.erase(t);
  }
  void give_all() {
    while (!tasks_.empty()) give(tasks_.begin()->first);
  }

  void frame(std::string_view action, Bilingual text) {
    Frame frame(drawing_, action, text);
    pages(frame);
    for (TinyCache::Header* slab : cache_.slabs()) objects(frame, slab);
    for (unsigned order = 0; order < buddy_.orders(); order++) {
      if (buddy_.free_spans(order).empty()) continue;
      frame.list(Words("free spans of %zu", size_t{1} << order));
      for (const size_t page : buddy_.free_spans(order)) frame.item(Words("page %zu", page));
    }
    slabs(frame, "full slabs", TinyCache::Fill::full);
    slabs(frame, "partial slabs", TinyCache::Fill::partial);
    slabs(frame, "empty slabs", TinyCache::Fill::empty);
    bits(frame);
    frame.figure("tasks", tasks_.size());
    frame.figure("constructions", cache_.constructions());
    frame.figure("free_pages", buddy_.free_pages());
  }

  void pages(Frame& frame) {
    frame.area("the buddy's pages", 0, g_area.size());
    buddy_.for_each_span([&](size_t page, unsigned order, bool is_free) {
      const size_t bytes = TinyBuddy::k_page << order;
      const bool is_buffer = !spans_.empty() && spans_["buffer"] == buddy_.address_of(page);
      const Words label(is_free ? "free" : is_buffer ? "buffer" : "slab, page %zu", page);
      const Words value(order == 0 ? "%zu page" : "%zu pages", size_t{1} << order);
      frame.cell({.at = page * TinyBuddy::k_page,
                  .bytes = bytes,
                  .kind = is_free     ? CellKind::free
                          : is_buffer ? CellKind::used
                                      : CellKind::slab,
                  .label = label,
                  .value = value});
    });
  }

  size_t page_of(const TinyCache::Header* slab) const { return buddy_.page_of(slab); }

  void objects(Frame& frame, TinyCache::Header* slab) {
    frame.area(Words("slab, page %zu", page_of(slab)), 0, TinyBuddy::k_page);
    size_t at = cache_.header_bytes();
    frame.cell({.at = 0, .bytes = at, .kind = CellKind::header, .label = "header"});
    if (slab->colour != 0) {
      const Words value("%u bytes", slab->colour);
      frame.cell({.at = at,
                  .bytes = slab->colour,
                  .kind = CellKind::reserved,
                  .label = "colour",
                  .value = value});
      at += slab->colour;
    }
    for (size_t i = 0; i < cache_.objects_per_slab(); i++, at += cache_.object_bytes()) {
      const auto* const task = reinterpret_cast<const Task*>(cache_.object(slab, i));
      const bool is_free = cache_.is_free(slab, i);
      const Words value("built %llu, use %llu", static_cast<unsigned long long>(task->built),
                        static_cast<unsigned long long>(task->uses));
      const Words label = name_of(task);
      frame.cell({.at = at,
                  .bytes = cache_.object_bytes(),
                  .kind = is_free ? CellKind::free : CellKind::used,
                  .label = label,
                  .value = value});
    }
    if (at < TinyBuddy::k_page) {
      frame.cell({.at = at, .bytes = TinyBuddy::k_page - at, .kind = CellKind::untouched});
    }
  }

  Words name_of(const Task* task) const {
    for (const auto& [number, object] : tasks_) {
      if (object == task) return Words("t%u", number);
    }
    return Words("%s", "free");
  }

  void slabs(Frame& frame, std::string_view name, TinyCache::Fill fill) {
    bool has_begun = false;
    for (const TinyCache::Header* slab : cache_.slabs()) {
      if (cache_.fill(slab) != fill) continue;
      if (!has_begun) frame.list(name);
      has_begun = true;
      frame.item(Words("page %zu", page_of(slab)));
    }
  }

  void bits(Frame& frame) {
    for (const TinyCache::Header* slab : cache_.slabs()) {
      frame.bits(Words("slab, page %zu: free objects", page_of(slab)));
      std::string row;
      for (size_t i = 0; i < cache_.objects_per_slab(); i++)
        row += cache_.is_free(slab, i) ? '1' : '0';
      frame.row(row);
    }
  }

  Drawing drawing_{"slab-and-buddy", {"Slabs over a buddy", "伙伴系统之上的 slab"}};
  TinyBuddy buddy_{g_area.data(), k_drawn_order};
  uint64_t built_ = 0;
  TinyCache cache_{buddy_, sizeof(Task), 0, [this](void* object) {
                     auto* const task = static_cast<Task*>(object);
                     task->built = ++built_;
                     task->uses = 0;
                   }};
  std::map<unsigned, Task*> tasks_;
  std::map<std::string, void*> spans_;
};

constexpr char k_help[] =
    "usage: slab_and_buddy [--library PATH]\n"
    "Draws a tiny slab allocator over a tiny buddy, and measures their fragmentation beside that "
    "of\n"
    "glibc's malloc and, with --library, of libarenite.so: one JSON line a frame "
    "(lab/frames.hpp).\n"
    "Best started by `arenite lab slab-and-buddy`.\n";

}  // namespace

int main(int argc, char** argv) {
  const char* library = nullptr;
  for (int i = 1; i < argc; i++) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "--version") {
      fputs(option == "--help" ? k_help : "slab_and_buddy " ARENITE_VERSION "\n", stdout);
      return 0;
    }
    if ((option != "--library" && option != "--measure") || i + 1 == argc)
      fail(2, k_program, "the only option is --library PATH");
    const char* const value = argv[++i];
    if (option == "--library") {
      library = value;
      continue;
    }
    for (const Mix& mix : mixes()) {
      if (value != std::string_view(mix.name)) continue;
      print_measured(of_malloc(mix));
      return 0;
    }
    fail(2, k_program, Words("no mix '%s'", value));
  }
  Show().go();
  draw_fragmentation(library);
  return 0;
}
