// See presentation.hpp.

#include "presentation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compare.hpp"
#include "figures.hpp"
#include "table.hpp"

namespace arenite::command {
namespace {

using Runs = std::vector<const Run*>;

Runs runs_of(const std::vector<Run>& runs, const std::string& variant) {
  Runs found;
  for (const Run& run : runs) {
    if (run.variant == variant) found.push_back(&run);
  }
  return found;
}

// Keys in the order of the first run that has them: allocators may print different rows.
std::vector<std::string> keys_of(const RowTable& table, const Runs& runs) {
  std::vector<std::string> keys;
  for (const Run* run : runs) {
    for (const Step& row : run->rows(table.name)) {
      if (std::find(keys.begin(), keys.end(), row.name()) == keys.end()) keys.push_back(row.name());
    }
  }
  return keys;
}

std::string key_text(const std::string& key) {
  const bool is_number = !key.empty() && key.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? count_text(std::stod(key)) : key;
}

std::string cell_of(const Section& section, const RowTable& table, const Run& run,
                    const std::string& key) {
  for (const Step& row : run.rows(table.name)) {
    if (row.name() == key) return section.cell(row);
  }
  return "-";
}

// Lines whose cells are those of the line before are told by one: "25 to 40".
void add_rows(const RowTable& table, const Section& section, const Runs& runs, ShownTable& shown) {
  std::string first_key;
  std::vector<std::string> last_cells;
  for (const std::string& key : keys_of(table, runs)) {
    std::vector<std::string> cells;
    for (const Run* run : runs) cells.push_back(cell_of(section, table, *run, key));
    std::string name = key_text(key);
    if (table.is_folded && !shown.lines.back().is_heading && cells == last_cells) {
      name = fmt::format("{} to {}", first_key, name);
      shown.lines.pop_back();
    } else {
      first_key = name;
    }
    last_cells = cells;
    cells.insert(cells.begin(), name);
    shown.lines.push_back({cells, false});
  }
}

ShownTable table_of(const Experiment& experiment, const Runs& runs, const std::string& title) {
  ShownTable shown{title, {""}, {}};
  for (const Run* run : runs) shown.header.push_back(run->allocator.name);
  for (const RowTable& table : experiment.tables) {
    for (const Section& section : table.sections) {
      shown.lines.push_back({{fmt::format("{}: {}", table.title, section.title)}, true});
      add_rows(table, section, runs, shown);
    }
  }
  for (const Section& section : experiment.sections) {
    shown.lines.push_back({{section.title}, true});
    for (const std::string& step : experiment.steps) {
      std::vector<std::string> cells = {step};
      for (const Run* run : runs) cells.push_back(section.cell(run->step(step)));
      shown.lines.push_back({cells, false});
    }
  }
  return shown;
}

ShownBars bars_of(const Experiment& experiment, const Runs& runs, const std::string& title) {
  ShownBars shown{title, {}};
  for (const std::string& step : experiment.steps) {
    for (size_t i = 0; i < runs.size(); i++) {
      const double bytes = runs[i]->step(step).number(experiment.plot_figure);
      shown.bars.push_back({step, runs[i]->allocator.name, bytes / k_mib, mib_text(bytes), i});
    }
  }
  return shown;
}

Curve curve_of(const CurvePlot& plot, const std::string& figure, const std::string& label,
               const Run& run, size_t colour) {
  Curve curve{label, {}, colour};
  for (const Step& row : run.rows(plot.table)) {
    if (!row.has(figure)) continue;
    curve.points.push_back({row.number(plot.x), row.number(figure) / plot.y_unit});
  }
  return curve;
}

ShownCurves curves_of(const CurvePlot& plot, const Runs& runs, const std::string& title) {
  ShownCurves shown{title, plot.x_title, {}};
  for (size_t i = 0; i < runs.size(); i++) {
    shown.curves.push_back(curve_of(plot, plot.y, runs[i]->allocator.name, *runs[i], i));
  }
  if (!plot.beside.empty()) {
    shown.curves.push_back(
        curve_of(plot, plot.beside, plot.beside_label, *runs.front(), runs.size()));
  }
  return shown;
}

std::string with_variant(const std::string& title, const std::string& variant) {
  return variant.empty() ? title : fmt::format("{}; {}", title, variant);
}

std::string title_of(const Experiment& experiment, const Run& run) {
  for (const Variant& variant : experiment.variants) {
    if (variant.name == run.variant) return variant.title;
  }
  return {};
}

ShownTable findings_of(const Experiment& experiment, const std::vector<Run>& runs) {
  ShownTable shown{{}, {""}, {}};
  const bool has_variants =
      std::any_of(runs.begin(), runs.end(), [](const Run& run) { return !run.variant.empty(); });
  if (has_variants) shown.header.emplace_back("how it was run");
  for (const Finding& finding : experiment.findings) shown.header.push_back(finding.title);
  for (const Run& run : runs) {
    ShownLine line{{run.allocator.name}, false};
    if (has_variants) line.cells.push_back(title_of(experiment, run));
    for (const Finding& finding : experiment.findings) line.cells.push_back(finding.cell(run));
    shown.lines.push_back(line);
  }
  return shown;
}

// "MiB kept when all is freed: 10.1 under glibc, 0.9 under arenite."
std::string sentence_of(const Finding& finding, const std::vector<Run>& runs) {
  const Pair pair = pair_of(runs);
  if (pair.subject == nullptr) {
    return fmt::format("{}: {} under {}.", finding.title, finding.cell(*pair.base),
                       pair.base->allocator.name);
  }
  return fmt::format("{}: {} under {}, {} under {}.", finding.title, finding.cell(*pair.base),
                     pair.base->allocator.name, finding.cell(*pair.subject),
                     pair.subject->allocator.name);
}

}  // namespace

Presentation present(const Experiment& experiment, const std::vector<Run>& runs) {
  std::vector<Variant> variants = experiment.variants;
  variants.insert(variants.begin(), Variant{});
  Presentation shown;
  for (const Variant& variant : variants) {
    const Runs mine = runs_of(runs, variant.name);
    if (mine.empty()) continue;
    shown.tables.push_back(table_of(experiment, mine, variant.title));
    if (!experiment.plot_figure.empty()) {
      shown.bars.push_back(
          bars_of(experiment, mine, with_variant(experiment.plot_title, variant.title)));
    }
    for (const CurvePlot& plot : experiment.curves) {
      shown.curves.push_back(curves_of(plot, mine, with_variant(plot.title, variant.title)));
    }
  }
  if (!experiment.findings.empty() && !runs_of(runs, "").empty()) {
    shown.findings = findings_of(experiment, runs);
    shown.sentence = sentence_of(experiment.findings.front(), runs);
  }
  if (!experiment.deciding_step.empty()) {
    shown.deciding.title = fmt::format("{}: {}", experiment.deciding_step, experiment.plot_title);
    for (const ShownBars& bars : shown.bars) {
      if (bars.title != experiment.plot_title) continue;
      for (const Bar& bar : bars.bars) {
        if (bar.group == experiment.deciding_step) shown.deciding.bars.push_back(bar);
      }
    }
  }
  return shown;
}

Json presentation_json(const Presentation& presentation) {
  Json tables = Json::array();
  for (const ShownTable& table : presentation.tables) {
    Json lines = Json::array();
    for (const ShownLine& line : table.lines) {
      lines.push_back(line.is_heading ? Json{{"heading", line.cells.front()}}
                                      : Json{{"cells", line.cells}});
    }
    tables.push_back({{"title", table.title}, {"header", table.header}, {"lines", lines}});
  }
  Json plots = Json::array();
  for (const ShownBars& shown : presentation.bars) {
    Json bars = Json::array();
    for (const Bar& bar : shown.bars) {
      bars.push_back({{"group", bar.group},
                      {"label", bar.label},
                      {"value", bar.value},
                      {"caption", bar.caption}});
    }
    plots.push_back({{"kind", "bars"}, {"title", shown.title}, {"bars", bars}});
  }
  for (const ShownCurves& shown : presentation.curves) {
    Json curves = Json::array();
    for (const Curve& curve : shown.curves) {
      Json points = Json::array();
      for (const Point& point : curve.points) points.push_back(Json::array({point.x, point.y}));
      curves.push_back({{"label", curve.label}, {"points", points}});
    }
    plots.push_back({{"kind", "curves"},
                     {"title", shown.title},
                     {"x_title", shown.x_title},
                     {"curves", curves}});
  }
  Json findings = Json::array();
  for (const ShownLine& line : presentation.findings.lines) findings.push_back(line.cells);
  return {{"tables", tables},
          {"plots", plots},
          {"findings",
           {{"header", presentation.findings.header},
            {"rows", findings},
            {"sentence", presentation.sentence}}}};
}

std::string presentation_text(const Presentation& presentation, const Terminal& terminal) {
  std::string out;
  for (const ShownTable& shown : presentation.tables) {
    Table table(shown.header);
    for (const ShownLine& line : shown.lines) {
      if (line.is_heading) {
        table.heading(line.cells.front());
      } else {
        table.row(line.cells);
      }
    }
    if (!shown.title.empty()) out += terminal.bold(shown.title) + '\n';
    out += table.text(terminal) + '\n';
  }
  for (const ShownBars& shown : presentation.bars) {
    out += bar_plot(shown.title, shown.bars, terminal) + '\n';
  }
  for (const ShownCurves& shown : presentation.curves) {
    out += curve_plot(shown.title, shown.x_title, shown.curves, terminal) + '\n';
  }
  return out;
}

}  // namespace arenite::command
