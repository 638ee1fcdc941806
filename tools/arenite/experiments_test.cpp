// What the lab says of its figures: a conclusion must follow from them, also when it is unwelcome.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "experiments.hpp"
#include "parts.hpp"
#include "plot.hpp"
#include "presentation.hpp"
#include "table.hpp"

namespace arenite::command {
namespace {

const Experiment& experiment() {
  static const Experiment it = map_clear();
  return it;
}

// A run of map-clear whose steps take `seconds` each: `filled` MiB resident, `kept` at the end.
Run run_of(const std::string& name, double filled, double kept, double seconds,
           double waited_seconds = 0) {
  Run run{{name, "", {}}, {}};
  for (const std::string& step : experiment().steps) {
    const double mib = step == "start" ? 0 : step == "one second later" ? kept : filled;
    run.steps.emplace_back(step, Json{{"seconds", seconds + waited_seconds},
                                      {"cpu_seconds", seconds},
                                      {"heap_resident_bytes", mib * k_mib},
                                      {"anonymous_resident_bytes", 0}});
  }
  return run;
}

std::vector<std::string> conclude(const std::vector<Run>& runs) {
  return experiment().conclude(runs, {{"entries", "", 1024 * 1024, 1, 0}});
}

TEST(MapClear, SaysHowMuchMoreWentBack) {
  const auto said = conclude({run_of("glibc", 64, 64, 2), run_of("arenite", 60, 1, 1)});
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0],
            "One second after clear(), arenite still keeps 1.0 of the 60.0 MiB that filling took, "
            "glibc 64.0 of 64.0: 63.0 MiB more went back to the kernel.");
  EXPECT_EQ(said[1],
            "Filling, looking up and clearing took arenite 3.00 s of the processor, glibc 6.00 s "
            "(50 % less), with "
            "60.0 and 64.0 bytes resident for each entry (6 % less).");
}

TEST(MapClear, SaysSoWhereNothingWasGained) {
  const auto said = conclude({run_of("glibc", 64, 64, 2), run_of("arenite", 64, 63.5, 2.05)});
  EXPECT_NE(said[0].find(": nothing was gained."), std::string::npos) << said[0];
  EXPECT_NE(said[1].find("(the same within 5 %)"), std::string::npos) << said[1];
}

TEST(MapClear, SaysSoWhereItIsWorse) {
  const auto said = conclude({run_of("glibc", 64, 2, 1), run_of("arenite", 64, 64, 3)});
  EXPECT_NE(said[0].find(": 62.0 MiB less went back to the kernel."), std::string::npos) << said[0];
  EXPECT_NE(said[1].find("(3.0 times as much)"), std::string::npos) << said[1];
}

TEST(MapClear, DoesNotCompareTimesThatAreTooShort) {
  const auto said = conclude({run_of("glibc", 64, 64, 0.02), run_of("arenite", 64, 64, 0.01)});
  EXPECT_NE(said[1].find("(too short to compare)"), std::string::npos) << said[1];
}

TEST(MapClear, DoesNotCompareTimesThatWereTakenOnABusyMachine) {
  const auto said = conclude({run_of("glibc", 64, 64, 2, 1), run_of("arenite", 64, 64, 1)});
  EXPECT_NE(said[1].find("(no comparison: the machine was busy)"), std::string::npos) << said[1];
}

TEST(MapClear, ComparesTheDefaultModeWithGlibcWhateverTheOrder) {
  const auto said = conclude({run_of("arenite", 60, 1, 1), run_of("arenite-classic", 60, 60, 1),
                              run_of("jemalloc", 60, 60, 1), run_of("glibc", 64, 64, 1)});
  EXPECT_NE(said[0].find("arenite still keeps 1.0 of the 60.0"), std::string::npos) << said[0];
  EXPECT_NE(said[0].find("glibc 64.0 of 64.0"), std::string::npos) << said[0];
}

TEST(MapClear, ComparesNothingWhereThereIsOneRun) {
  const auto said = conclude({run_of("glibc", 64, 64, 1)});
  EXPECT_NE(said[0].find("glibc still keeps 64.0 of the 64.0 MiB"), std::string::npos) << said[0];
  EXPECT_EQ(said[1].find('%'), std::string::npos) << said[1];
}

TEST(MapClear, SaysWhatTheWorstRunOverARegionKept) {
  std::vector<command::Run> runs = {run_of("glibc", 64, 64, 1), run_of("arenite", 64, 1, 1),
                                    run_of("glibc", 56, 0, 0.02), run_of("arenite", 56, 2, 0.03)};
  runs[2].variant = runs[3].variant = "region";
  const auto said = conclude(runs);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_NE(said[0].find("arenite still keeps 1.0 of the 64.0"), std::string::npos) << said[0];
  EXPECT_EQ(
      said[2],
      "Over a region an entry takes 56.0 bytes under any allocator, and ending it takes 0.03 s "
      "of the processor; 2.0 MiB are kept at most.");
}

std::vector<std::string> answer(const std::vector<Run>& runs) {
  return experiment().answer(runs, {{"entries", "", 1024 * 1024, 1, 0}});
}

TEST(MapClear, AnswersInBrief) {
  const auto said = answer({run_of("glibc", 64, 64, 2), run_of("arenite", 60, 1, 1)});
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0], "A second after clear(), glibc keeps 64.0 of 64.0 MiB, arenite 1.0 of 60.0.");
  EXPECT_EQ(said[1],
            "Fill, look up, clear: glibc 6.00 s of the processor, arenite 3.00 s: 50 % faster.");
  EXPECT_EQ(answer({run_of("glibc", 64, 64, 2)}).size(), 1u);
}

TEST(MapClear, AnswersSlowerWhereItIs) {
  const auto end_of_answer = [](double seconds, double waited_seconds = 0) {
    const std::string said =
        answer({run_of("glibc", 64, 64, 2), run_of("arenite", 64, 64, seconds, waited_seconds)})[1];
    return said.substr(said.rfind(": ") + 2);
  };
  EXPECT_EQ(end_of_answer(2.5), "25 % slower.");
  EXPECT_EQ(end_of_answer(1.96), "as fast within 5 %.");
  EXPECT_NE(answer({run_of("glibc", 9, 9, 0.02), run_of("arenite", 9, 9, 0.01)})[1].find(
                "too short to compare"),
            std::string::npos);
  EXPECT_EQ(end_of_answer(1, 1), "the machine was busy.");
}

TEST(Brief, IsOneTableWithoutVariantsAndPlots) {
  const Experiment brief = brief_of(map_clear());
  EXPECT_TRUE(brief.variants.empty());
  EXPECT_TRUE(brief.plot_figure.empty());
  EXPECT_EQ(brief.sections.size(), 3u);
  EXPECT_EQ(brief.conclude, brief.answer);
}

TEST(Step, RefusesAFigureThatTheProgramDidNotGive) {
  const Step step{"filled", {{"seconds", "soon"}}};
  EXPECT_THROW(step.number("minor_faults"), Failure);
  EXPECT_THROW(step.number("seconds"), Failure);
}

TEST(Figures, PutCommasBetweenThousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(78128), "78,128");
  EXPECT_EQ(count_text(5000000), "5,000,000");
}

TEST(Figures, CompareInWords) {
  EXPECT_EQ(compared(104, 100, 0.05), "the same within 5 %");
  EXPECT_EQ(compared(96, 100, 0.05), "the same within 5 %");
  EXPECT_EQ(compared(88, 100, 0.05), "12 % less");
  EXPECT_EQ(compared(131, 100, 0.05), "31 % more");
  EXPECT_EQ(compared(240, 100, 0.05), "2.4 times as much");
  EXPECT_EQ(compared(0, 0, 0.05), "the same within 5 %");
}

TEST(Table, AlignsTheFirstColumnLeftAndTheOthersRight) {
  Table table({"", "glibc", "arenite"});
  table.heading("VmRSS, MiB");
  table.row({"filled", "307.7", "2.6"});
  EXPECT_EQ(table.text(Terminal{}),
            "          glibc  arenite\n"
            "------------------------\n"
            "VmRSS, MiB\n"
            "  filled  307.7      2.6\n");
}

TEST(Plot, DrawsEveryBarToOneScale) {
  const std::vector<Bar> bars = {{"filled", "a", 40, "40", 0}, {"filled", "b", 20, "20", 1}};
  Terminal terminal;
  terminal.width = 40;  // leaves 24 columns for the longest bar
  EXPECT_EQ(bar_plot("MiB", bars, terminal),
            "MiB\n"
            "  filled  a  " +
                std::string(24, '#') +
                " 40\n"
                "          b  " +
                std::string(12, '#') + " 20\n");
  terminal.utf8 = true;
  terminal.width = 33;  // 17: half of it is 8 and four eighths
  EXPECT_NE(bar_plot("MiB", bars, terminal).find("b  ████████▌ 20\n"), std::string::npos);
}

TEST(Curves, SharesBothScales) {
  Terminal terminal;
  terminal.width = 27;  // 20 columns for the curves
  const std::string drawn = curve_plot(
      "MiB", "seconds", {{"one", {{0, 0}, {19, 11}}, 0}, {"two", {{0, 11}}, 1}}, terminal);
  EXPECT_TRUE(drawn.starts_with("MiB\n  11 |b                  a\n     |\n")) << drawn;
  EXPECT_NE(drawn.find("\n   0 |a\n"), std::string::npos) << drawn;
  EXPECT_TRUE(drawn.ends_with("19  seconds\n  a one  b two\n")) << drawn;
}

std::string size_cell(const Step& row) {
  return count_text(row.number("size"));
}

TEST(Presentation, TellsRowsWithTheSameCellsByOneLineAndVariantsApart) {
  Experiment e;
  e.tables = {{"sizes", "asked", "bytes", {{"size", size_cell}}, true}};
  e.variants = {{.name = "m32", .title = "as a 32-bit program"}};
  std::vector<command::Run> runs = {{{"glibc", "", {}}, {}, "", {{"sizes", {}}}},
                                    {{"glibc", "", {}}, {}, "m32", {{"sizes", {}}}}};
  for (const int asked : {1, 2, 3}) {
    const std::string key = std::to_string(asked);
    runs[0].tables[0].rows.emplace_back(key, Json{{"size", asked < 3 ? 16 : 32}});
    runs[1].tables[0].rows.emplace_back(key, Json{{"size", 8 * asked}});
  }
  const Presentation shown = present(e, runs);
  ASSERT_EQ(shown.tables.size(), 2u);
  const auto lines = [&](size_t table) {
    std::vector<std::vector<std::string>> cells;
    for (const ShownLine& line : shown.tables[table].lines) cells.push_back(line.cells);
    return cells;
  };
  using Lines = std::vector<std::vector<std::string>>;
  EXPECT_EQ(lines(0), (Lines{{"bytes: size"}, {"1 to 2", "16"}, {"3", "32"}}));
  EXPECT_EQ(lines(1), (Lines{{"bytes: size"}, {"1", "8"}, {"2", "16"}, {"3", "24"}}));
  EXPECT_EQ(shown.tables[1].title, "as a 32-bit program");
}

TEST(Presentation, DrawsWhatDoesNotDependOnTheAllocatorOnce) {
  Experiment e;
  e.tables = {{"moments", "moment", "", {}}};
  e.curves = {{"MiB", "moments", "moment", "resident", "moment", 2, "live", "live"}};
  std::vector<command::Run> runs;
  for (const char* name : {"glibc", "arenite"}) {
    runs.push_back({{name, "", {}}, {}, "", {{"moments", {}}}});
    runs.back().tables[0].rows.emplace_back("1", Json{{"moment", 1}, {"resident", 8}, {"live", 6}});
  }
  const Presentation shown = present(e, runs);
  ASSERT_EQ(shown.curves.size(), 1u);
  const std::vector<Curve>& curves = shown.curves[0].curves;
  ASSERT_EQ(curves.size(), 3u);
  EXPECT_EQ(curves[1].label, "arenite");
  EXPECT_EQ(curves[2].label, "live");
  EXPECT_EQ(curves[2].colour, 2u);
  ASSERT_EQ(curves[2].points.size(), 1u);
  EXPECT_EQ(curves[2].points[0].y, 3);
}

TEST(Summary, HasTheNumbersOfTheRun) {
  Experiment e = map_clear();
  EXPECT_NE(summary_of(e).find("of 5,000,000 keys"), std::string::npos);
  e.options.front().value = 1234;
  EXPECT_NE(summary_of(e).find("of 1,234 keys"), std::string::npos);
  for (const Experiment& each : all_experiments())
    EXPECT_EQ(summary_of(each).find('{'), std::string::npos) << each.name;
}

TEST(Parts, HaveEachExperimentOnce) {
  std::vector<std::string> names;
  for (const Part& part : lab_parts())
    names.insert(names.end(), part.names.begin(), part.names.end());
  std::sort(names.begin(), names.end());
  std::vector<std::string> all;
  for (const Experiment& each : all_experiments()) all.push_back(each.name);
  for (const DrawnExperiment& each : drawn_experiments()) all.push_back(each.name);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(names, all);
}

TEST(Findings, AreALineForEachRunAndASentenceOfTheTwoCompared) {
  const std::vector<command::Run> runs = {run_of("glibc", 300, 300, 1),
                                          run_of("arenite", 310, 2, 1)};
  Experiment e = map_clear();
  e.sections = {};
  e.plot_figure = "heap_resident_bytes";
  const Presentation shown = present(e, runs);
  EXPECT_EQ(shown.sentence,
            "MiB kept a second after clear(): 300.0 under glibc, 2.0 under arenite.");
  ASSERT_EQ(shown.findings.lines.size(), 2u);
  EXPECT_EQ(shown.findings.lines[1].cells[0], "arenite");
  EXPECT_EQ(shown.findings.lines[1].cells[1], "2.0");
  ASSERT_EQ(shown.deciding.bars.size(), 2u);
  EXPECT_EQ(shown.deciding.bars[0].caption, "300.0");
  EXPECT_EQ(shown.deciding.title, "one second later: resident memory (VmRSS), MiB");
}

TEST(Findings, EveryMeasuredExperimentHasSome) {
  for (const Experiment& each : all_experiments()) EXPECT_FALSE(each.findings.empty()) << each.name;
}

TEST(Terminal, CountsCharactersNotBytes) {
  EXPECT_EQ(display_width("█▌"), 2u);
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("unbreakable", 4), (std::vector<std::string>{"unbreakable"}));
}

}  // namespace
}  // namespace arenite::command
