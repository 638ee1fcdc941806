// See report_page.hpp.

#include "report_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "assets.hpp"
#include "html.hpp"
#include "parts.hpp"
#include "report_figures.hpp"
#include "report_links.hpp"
#include "words.hpp"

namespace arenite::command {
namespace {

// Words of the pages themselves, which no dictionary needs to know.
std::string both(const char* english, const char* chinese) {
  return in_both(english, chinese, "span");
}

// The template with each {name} replaced by its value.
std::string filled(std::string text,
                   const std::vector<std::pair<std::string, std::string>>& values) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t open = rest.find('{');
    out += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = rest.find('}', open);
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    for (const auto& [known, value] : values) {
      if (name == known) out += value;
    }
    rest.remove_prefix(close + 1);
  }
  return out;
}

std::string in_two_blocks(const std::string& english, const std::string& chinese) {
  return fmt::format("<div lang=\"en\">{}</div>\n<div lang=\"zh\">{}</div>\n", english,
                     chinese.empty() ? english : chinese);
}

// "map-clear: the map is empty …" is "the map is empty …": the name stands beside it anyway.
std::string without_name(const std::string& title, const std::string& name) {
  for (const char* colon : {": ", "：", ":"}) {
    if (title.starts_with(name + colon)) return title.substr((name + colon).size());
  }
  return title;
}

const Told* told_of(const std::vector<Told>& chapters, const std::string& name) {
  for (const Told& told : chapters) {
    if (told.chapter.name == name) return &told;
  }
  return nullptr;
}

std::string contents(const std::vector<Told>& chapters, size_t depth, const std::string& current) {
  std::string out = "<nav class=\"contents\">\n<ol>\n";
  for (const Told& told : chapters) {
    const std::string& name = told.chapter.name;
    for (const Part& part : lab_parts()) {
      if (part.names.front() == name)
        out +=
            fmt::format("<li class=\"part\">{}</li>\n", in_both(part.title, part.chinese, "span"));
    }
    out += fmt::format("<li><a href=\"{}{}.html\"{}{}>{}</a></li>\n", way_up(depth), name,
                       name == current ? " aria-current=\"page\"" : "",
                       told.chapter.error.empty() ? "" : " class=\"failed\"", name);
  }
  return out + "</ol>\n</nav>";
}

std::string error_box(const Chapter& chapter) {
  return fmt::format("<p class=\"error\"><strong>{}</strong> {}</p>\n",
                     both("It failed:", "运行失败："), escaped(chapter.error));
}

std::string section(const char* id, const std::string& title, const std::string& body) {
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, title, body);
}

std::string percent(double share) {
  return fmt::format("{:.0f}", share * 100);
}

// What to hold against the figures: that they are few, or that others worked meanwhile.
std::string banner(bool is_quick, double others) {
  std::string out;
  if (is_quick) {
    out += fmt::format(
        "<p>{}</p>\n",
        both("A quick run (--quick): smaller sizes, which show that all of it works rather than "
             "what it shows.",
             "快速运行（--quick）：规模较小，只能说明一切可以运行，不足以说明实验的结论。"));
  }
  if (others > Circumstances::k_busy) {
    const std::string share = percent(others);
    out += fmt::format(
        "<p>{}</p>\n",
        both(fmt::format("The machine was busy: others had {} % of its processors meanwhile. Times "
                         "are not to be compared; sizes and counts are.",
                         share)
                 .c_str(),
             fmt::format(
                 "运行期间机器繁忙：其他程序占用了 {}% 的处理器。时间不可比较，大小与次数可以。",
                 share)
                 .c_str()));
  }
  return out.empty() ? out : "<div class=\"banner\" role=\"note\">\n" + out + "</div>\n";
}

// The explanation tells of the usual sizes.
std::string sizes_note(const Chapter& chapter) {
  std::string out;
  for (const OtherSize& size : chapter.other_sizes) {
    out += fmt::format(
        "<p class=\"banner\" role=\"note\">{}</p>\n",
        both(fmt::format("The figures in this text are those of --{} {}. This run had --{} {}.",
                         size.option, size.usual, size.option, size.here)
                 .c_str(),
             fmt::format("下文的数字出自 --{} {}；这次运行用的是 --{} {}。", size.option,
                         size.usual, size.option, size.here)
                 .c_str()));
  }
  return out;
}

std::string conclusion(const Chapter& chapter) {
  const std::string table = findings(chapter);
  if (!table.empty()) return "<div class=\"conclusion\">\n" + table + "</div>\n";
  if (chapter.conclusion.empty()) return {};
  std::string out = "<div class=\"conclusion\">\n";
  for (const std::string& sentence : chapter.conclusion) {
    out += fmt::format("<p>{}</p>\n", in_both(sentence));
  }
  return out + "</div>\n";
}

// The neighbours in the list, at the foot of a page.
std::string turn(const std::vector<Told>& chapters, size_t index) {
  std::string out = "<nav class=\"turn\">\n";
  const auto link = [&](size_t to, const char* way, const std::string& label) {
    out += fmt::format("<a rel=\"{}\" href=\"{}.html\">{}<b>{}</b></a>\n", way,
                       chapters[to].chapter.name, label, chapters[to].chapter.name);
  };
  if (index > 0) link(index - 1, "prev", both("before", "上一个"));
  if (index + 1 < chapters.size()) link(index + 1, "next", both("next", "下一个"));
  return out + "</nav>\n";
}

// Of all pictures on the index: who was run.
std::string legend(const std::vector<Told>& chapters) {
  for (const Told& told : chapters) {
    const Presentation& shown = told.chapter.shown;
    if (!shown.bars.empty() || !shown.curves.empty()) return plot_legend(shown);
  }
  return {};
}

std::string card(const Told& told) {
  const Chapter& chapter = told.chapter;
  const std::string picture = chapter.error.empty() ? thumbnail(chapter) : error_box(chapter);
  return fmt::format(
      "<a class=\"card\" href=\"{0}.html\">\n<h2><code>{0}</code></h2>\n<p>{1}</p>\n"
      "<div class=\"picture\">{2}</div>\n</a>\n",
      chapter.name, told.title(), picture);
}

}  // namespace

std::string Told::title(const char* element) const {
  if (english.title.empty()) return in_both(chapter.summary, element);
  const std::string en = without_name(english.title, chapter.name);
  const std::string zh = chinese.title.empty() ? en : without_name(chinese.title, chapter.name);
  return fmt::format("<{0} lang=\"en\">{1}</{0}><{0} lang=\"zh\">{2}</{0}>", element, en, zh);
}

std::string whole_page(const std::string& english_title, const std::string& chinese_title,
                       const std::string& main, const std::vector<Told>& chapters, size_t depth,
                       const std::string& kind) {
  return filled(std::string(find_asset("tools/arenite/web/page.html")->text),
                {{"title_en", escaped(english_title)},
                 {"title_zh", escaped(chinese_title)},
                 {"root", way_up(depth)},
                 {"contents", contents(chapters, depth, kind)},
                 {"main", main},
                 {"version", ARENITE_VERSION},
                 {"kind", kind}});
}

std::string index_page(const std::vector<Told>& chapters) {
  std::string main = in_two_blocks(
      "<h1>What an allocator does</h1>\n<p class=\"lead\">Each experiment is one small program "
      "that "
      "does one thing. It is run under glibc’s malloc and under arenite, as the classic allocator "
      "(<i>arenite-classic</i>) and as it is by default, and looked at through the kernel’s own "
      "figures.</p>\n",
      "<h1>内存分配器做了什么</h1>\n<p class=\"lead\">每个实验都是一个只做一件事的小程序，分别在 "
      "glibc 的 "
      "malloc 和 arenite 下运行：一次是经典的分配器（<i>arenite-classic</i>），一次是默认模式。"
      "结果取自内核自己的数字。</p>\n");
  bool is_quick = false;
  double others = 0;
  for (const Told& told : chapters) {
    is_quick = is_quick || told.chapter.circumstances.is_quick;
    others = std::max(others, told.chapter.circumstances.others);
  }
  main += banner(is_quick, others) + legend(chapters);
  for (const Part& part : lab_parts()) {
    main += fmt::format("<h2 class=\"part\">{}</h2>\n<div class=\"cards\">\n",
                        in_both(part.title, part.chinese, "span"));
    for (const std::string& name : part.names) {
      if (const Told* const told = told_of(chapters, name)) main += card(*told);
    }
    main += "</div>\n";
  }
  for (const Told& told : chapters) {
    if (!told.chapter.error.empty()) continue;
    main += section("machine", both("The machine", "测试环境"), machine(told.chapter.figures));
    break;
  }
  return whole_page("arenite lab", "arenite 实验室", main, chapters, 0, "index");
}

std::string chapter_page(const std::vector<Told>& chapters, size_t index) {
  const Told& told = chapters[index];
  const Chapter& chapter = told.chapter;
  std::string main =
      fmt::format("<header>\n<p class=\"kicker\"><code>arenite lab {}</code></p>\n<h1>{}</h1>\n",
                  chapter.name, told.title());
  if (!told.english.title.empty()) {
    main += fmt::format("<p class=\"lead\">{}</p>\n", in_both(chapter.summary));
  }
  main += "</header>\n";
  if (!chapter.error.empty()) {
    main += error_box(chapter);
  } else {
    main += banner(chapter.circumstances.is_quick, chapter.circumstances.others);
    main += conclusion(chapter) + plots(chapter) + players(chapter);
  }
  if (!told.english.body.empty()) {
    main += section("explanation", both("What happens, and why", "发生了什么，为什么"),
                    sizes_note(chapter) + in_two_blocks(told.english.body, told.chinese.body));
  }
  if (chapter.error.empty()) {
    const std::string all = tables(chapter);
    if (!all.empty()) main += section("figures", both("All figures", "全部数字"), all);
    main += section("machine", both("How it was run", "运行条件"), conditions(chapter));
  }
  main += turn(chapters, index);
  return whole_page(fmt::format("{} · arenite lab", chapter.name),
                    fmt::format("{} · arenite 实验室", chapter.name), main, chapters, 0,
                    chapter.name);
}

}  // namespace arenite::command
