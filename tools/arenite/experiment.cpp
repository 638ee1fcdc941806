// Looking figures up. See experiment.hpp.

#include "experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "figures.hpp"

namespace arenite::command {

Step::Step(std::string name, const Json& figures)
    : name_(std::move(name)), figures_(std::make_shared<const Json>(figures)) {}

bool Step::has(const std::string& figure) const {
  const auto found = figures_->find(figure);
  return found != figures_->end() && !found->is_null();
}

double Step::number(const std::string& figure) const {
  const auto found = figures_->find(figure);
  if (found == figures_->end() || !found->is_number()) {
    throw Failure(fmt::format("'{}' came without its figure '{}'", name_, figure));
  }
  return found->get<double>();
}

std::string Step::text(const std::string& figure) const {
  const auto found = figures_->find(figure);
  if (found == figures_->end() || !found->is_string()) {
    throw Failure(fmt::format("'{}' came without its text '{}'", name_, figure));
  }
  return found->get<std::string>();
}

namespace {

const Step* find(const std::vector<Step>& steps, const std::string& name) {
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [&](const Step& step) { return step.name() == name; });
  return found == steps.end() ? nullptr : &*found;
}

}  // namespace

const Step& Run::step(const std::string& name) const {
  const Step* const found = find(steps, name);
  if (found == nullptr) throw Failure(fmt::format("there was no step '{}'", name));
  return *found;
}

const std::vector<Step>& Run::rows(const std::string& table) const {
  static const std::vector<Step> none;
  for (const Rows& rows : tables) {
    if (rows.table == table) return rows.rows;
  }
  return none;
}

const Step& Run::row(const std::string& table, const std::string& key) const {
  const Step* const found = find(rows(table), key);
  if (found == nullptr) throw Failure(fmt::format("there was no row '{}' in '{}'", key, table));
  return *found;
}

std::string summary_of(const Experiment& experiment) {
  std::string text = experiment.summary;
  for (const NumberOption& option : experiment.options) {
    const std::string mark = "{" + option.name + "}";
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
      text.replace(at, mark.size(), count_text(static_cast<double>(option.value)));
    }
  }
  return text;
}

Experiment brief_of(Experiment experiment) {
  experiment.variants.clear();
  experiment.tables.clear();
  experiment.curves.clear();
  experiment.plot_figure.clear();
  experiment.sections = experiment.brief_sections;
  experiment.conclude = experiment.answer;
  return experiment;
}

}  // namespace arenite::command
