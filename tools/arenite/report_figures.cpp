// See report_figures.hpp.

#include "report_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "film.hpp"
#include "html.hpp"
#include "svg_plot.hpp"
#include "words.hpp"

namespace arenite::command {
namespace {

// Which colour is who, in the order in which they come.
class Legend {
 public:
  void add(const std::string& name) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  }
  std::string html() const {
    std::string out = "<ul class=\"legend\">";
    for (const std::string& name : names_) {
      out += fmt::format("<li class=\"{}\">{}</li>", colour_class(name), escaped(name));
    }
    return out + "</ul>\n";
  }

 private:
  std::vector<std::string> names_;
};

std::string figure(const std::string& title, const std::string& legend,
                   const std::string& drawings) {
  return fmt::format("<figure class=\"plot\">\n<figcaption>{}</figcaption>\n{}{}</figure>\n",
                     in_both(title), legend, drawings);
}

std::string bars_figure(const ShownBars& shown) {
  return figure(shown.title, plot_legend({{}, {shown}, {}}),
                svg_bars(shown.bars, k_desk_width) + svg_bars(shown.bars, k_phone_width));
}

std::string curves_figure(const ShownCurves& shown) {
  return figure(shown.title, plot_legend({{}, {}, {shown}}),
                svg_curves(shown.x_title, shown.curves, k_desk_width) +
                    svg_curves(shown.x_title, shown.curves, k_phone_width));
}

std::string table_html(const ShownTable& table) {
  std::string out;
  if (!table.title.empty()) out += fmt::format("<h3>{}</h3>\n", in_both(table.title));
  out += "<div class=\"scroll\"><table class=\"figures\">\n<thead><tr>";
  for (const std::string& name : table.header) {
    out += fmt::format("<th scope=\"col\">{}</th>", in_both(name));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const ShownLine& line : table.lines) {
    if (line.is_heading) {
      out += fmt::format(
          "<tr class=\"heading\"><th colspan=\"{}\" scope=\"rowgroup\"><span>{}"
          "</span></th></tr>\n",
          table.header.size(), in_both(line.cells.front()));
      continue;
    }
    out += fmt::format("<tr><th scope=\"row\">{}</th>", in_both(line.cells.front()));
    for (size_t i = 1; i < line.cells.size(); i++) {
      out += fmt::format("<td>{}</td>", in_both(line.cells[i]));
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string picture_title(const std::string& title) {
  return fmt::format("<p class=\"what\">{}</p>\n", in_both(title));
}

// Of the table of findings the deciding column, of the program as it is.
std::string first_finding(const ShownTable& findings) {
  const bool has_variants = findings.header.at(1) == "how it was run";
  const size_t column = has_variants ? 2 : 1;
  ShownTable shown{{}, {"", findings.header.at(column)}, {}};
  for (const ShownLine& line : findings.lines) {
    if (has_variants && !line.cells.at(1).empty()) continue;
    shown.lines.push_back({{line.cells.front(), line.cells.at(column)}, false});
  }
  return table_html(shown);
}

// A value of the figures as one reads it.
std::string plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string out;
  for (const Json& part : value) out += (out.empty() ? "" : ", ") + plain(part);
  return out;
}

// JSON as it stands in a script element, where only "</" could end it.
std::string script_text(const Json& value) {
  std::string text = value.dump();
  for (size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) {
    text.replace(at, 2, "<\\/");
  }
  return text;
}

std::string term(const std::string& name, const std::string& html) {
  return fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, html);
}

std::string machine_terms(const Json& figures) {
  struct Name {
    const char* key;
    const char* english;
    const char* chinese;
  };
  constexpr std::array k_names = {
      Name{"kernel", "kernel", "内核"},
      Name{"glibc", "glibc", "glibc"},
      Name{"processors", "processors", "处理器"},
      Name{"page_bytes", "bytes in a page", "页大小（字节）"},
      Name{"transparent_huge_pages", "transparent huge pages", "透明大页"},
      Name{"environment", "in the environment", "环境变量"},
  };
  std::string out;
  if (!figures.contains("machine")) return out;
  for (const auto& [key, value] : figures["machine"].items()) {
    const auto known = std::find_if(k_names.begin(), k_names.end(),
                                    [&key = key](const Name& name) { return key == name.key; });
    const std::string text = plain(value);
    if (text.empty()) continue;
    out += term(
        known == k_names.end() ? escaped(key) : in_both(known->english, known->chinese, "span"),
        escaped(text));
  }
  return out;
}

}  // namespace

std::string findings(const Chapter& chapter) {
  const ShownTable& table = chapter.shown.findings;
  if (table.lines.empty()) return {};
  return fmt::format("<p>{}</p>\n", in_both(chapter.shown.sentence)) + table_html(table);
}

std::string plot_legend(const Presentation& shown) {
  Legend legend;
  for (const ShownBars& bars : shown.bars) {
    for (const Bar& bar : bars.bars) legend.add(bar.label);
  }
  for (const ShownCurves& curves : shown.curves) {
    for (const Curve& curve : curves.curves) legend.add(curve.label);
  }
  return legend.html();
}

std::string plots(const Chapter& chapter) {
  std::string out;
  for (const ShownBars& shown : chapter.shown.bars) out += bars_figure(shown);
  for (const ShownCurves& shown : chapter.shown.curves) out += curves_figure(shown);
  return out;
}

std::string thumbnail(const Chapter& chapter) {
  const Presentation& shown = chapter.shown;
  if (!shown.deciding.bars.empty()) {
    return picture_title(shown.deciding.title) + svg_bars(shown.deciding.bars, k_phone_width);
  }
  if (!shown.bars.empty()) return svg_bars(shown.bars.front().bars, k_phone_width);
  if (!shown.curves.empty()) {
    return picture_title(shown.curves.front().title) +
           svg_curves(shown.curves.front().x_title, shown.curves.front().curves, k_phone_width);
  }
  if (chapter.figures.contains("drawings")) {
    return film(chapter.figures["drawings"].front()) +
           fmt::format("<p class=\"scale\">{}</p>", in_both("not to scale", "未按比例", "span"));
  }
  if (!shown.findings.lines.empty()) return first_finding(shown.findings);
  std::string words;
  for (const std::string& sentence : chapter.conclusion) {
    words += fmt::format("<p>{}</p>\n", in_both(sentence));
  }
  return words;
}

std::string players(const Chapter& chapter) {
  if (!chapter.figures.contains("drawings")) return {};
  const Json& drawings = chapter.figures["drawings"];
  std::string choice;
  std::string out;
  for (const Json& drawing : drawings) {
    const std::string title = in_both(drawing["title"]["en"].get<std::string>(),
                                      drawing["title"]["zh"].get<std::string>(), "span");
    const std::string id = escaped(drawing["name"].get<std::string>());
    // The page's own title says enough of an only one.
    const std::string heading = drawings.size() > 1 ? fmt::format("<h2>{}</h2>\n", title) : "";
    choice += fmt::format("<a href=\"#{0}\">{0}</a>\n", id);
    out += fmt::format(
        "<section class=\"drawing\" id=\"{}\">\n{}<div class=\"player\"></div>\n"
        "<script type=\"application/json\">{}</script>\n</section>\n",
        id, heading, script_text(drawing["frames"]));
  }
  if (drawings.size() == 1) return out;
  return fmt::format("<nav class=\"choice\">\n{}</nav>\n{}", choice, out);
}

std::string tables(const Chapter& chapter) {
  std::string out;
  for (const ShownTable& table : chapter.shown.tables) out += table_html(table);
  return out;
}

std::string machine(const Json& figures) {
  return fmt::format("<dl>\n{}</dl>\n", machine_terms(figures));
}

std::string conditions(const Chapter& chapter) {
  const Json& figures = chapter.figures;
  std::string out;
  if (figures.contains("options")) {
    for (const auto& [name, value] : figures["options"].items()) {
      out += term(fmt::format("<code>--{}</code>", escaped(name)), escaped(plain(value)));
    }
  }
  out += machine_terms(figures);
  if (!out.empty()) out = fmt::format("<dl>\n{}</dl>\n", out);
  if (figures.contains("left_out")) {
    for (const Json& left : figures["left_out"]) {
      out += fmt::format("<p>{}{} {}: {}</p>\n", in_both("Left out:", "未运行：", "span"),
                         escaped(plain(left["variant"])), escaped(plain(left["allocator"])),
                         in_both(plain(left["why"])));
    }
  }
  return out + fmt::format("<p><a href=\"figures/{}.json\">{}</a></p>\n", chapter.name,
                           in_both("All of it as JSON", "全部数据（JSON）", "span"));
}

}  // namespace arenite::command
