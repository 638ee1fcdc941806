// What becomes of a program's frames: what is refused, what is marked, what is drawn.

#include "drawings.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "drawing_text.hpp"
#include "errors.hpp"

namespace arenite::command {
namespace {

constexpr char k_drawing[] = R"({"drawing":"d","title":{"en":"T","zh":"T"}})";

std::string frame(int number, const std::string& cells, int bytes = 48) {
  return fmt::format(
      R"({{"frame":{},"action":"act","text":{{"en":"Why.","zh":"Z"}},"memory":[{{"name":"heap",)"
      R"("start":"0x1000","bytes":{},"cells":[{}],"marks":[{{"at":16,"name":"p"}},)"
      R"({{"at":{},"name":"end"}}]}}],"lists":[{{"name":"ring","items":["a","b"]}}],)"
      R"("figures":{{"free_bytes":1000}}}})",
      number, bytes, cells, bytes);
}

std::string cell(int at, int bytes, const std::string& kind, const std::string& more = "") {
  return fmt::format(R"({{"at":{},"bytes":{},"kind":"{}"{}}})", at, bytes, kind, more);
}

const std::string k_first = cell(0, 16, "header") + "," + cell(16, 32, "free");
const std::string k_second = cell(0, 16, "header") + "," + cell(16, 24, "free") + "," +
                             cell(40, 8, "used", R"(,"label":"p","value":"x","flags":"P")");

Drawing read(const std::vector<std::string>& lines) {
  DrawingReader reader("program");
  reader.take(k_drawing);
  for (const std::string& line : lines) reader.take(line);
  return reader.finish().front();
}

std::string refusal_of(const std::vector<std::string>& lines) {
  DrawingReader reader("program");
  try {
    for (const std::string& line : lines) reader.take(line);
    reader.finish();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

std::vector<bool> changes_of(const Json& drawn) {
  std::vector<bool> changes;
  for (const Json& one : drawn["memory"][0]["cells"])
    changes.push_back(one.value("changed", false));
  return changes;
}

TEST(Drawings, RefuseWhatIsNoFrame) {
  EXPECT_NE(refusal_of({"hello"}).find("program printed what is no frame: hello"),
            std::string::npos);
  EXPECT_NE(refusal_of({frame(0, k_first)}).find("a frame before a drawing"), std::string::npos);
  EXPECT_NE(refusal_of({k_drawing, frame(1, k_first)}).find("not the next frame"),
            std::string::npos);
  EXPECT_EQ(refusal_of({k_drawing}), "program drew nothing");
  EXPECT_NE(refusal_of({R"({"drawing":"d"})"}).find("title"), std::string::npos);
}

TEST(Drawings, RefuseCellsThatDoNotTileTheirArea) {
  const std::string gap = cell(0, 16, "header") + "," + cell(24, 24, "free");
  EXPECT_NE(refusal_of({k_drawing, frame(0, gap)}).find("a cell at 24 instead of 16 in \"heap\""),
            std::string::npos);
  EXPECT_NE(refusal_of({k_drawing, frame(0, k_first, 40)}).find("cells of 48 bytes in \"heap\""),
            std::string::npos);
  EXPECT_EQ(refusal_of({k_drawing, frame(0, k_first, 1000)}), "");
}

TEST(Drawings, MarkWhatTheFrameBeforeDidNotHave) {
  const Drawing drawing = read({frame(0, k_first), frame(1, k_second), frame(2, k_second)});
  EXPECT_EQ(changes_of(drawing.frames[0]), (std::vector<bool>{false, false}));
  EXPECT_EQ(changes_of(drawing.frames[1]), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(changes_of(drawing.frames[2]), (std::vector<bool>{false, false, false}));
}

TEST(Drawings, LeaveMarksThatTheProgramHasSet) {
  const std::string marked = cell(0, 16, "used", R"(,"changed":true)") + "," + cell(16, 32, "used");
  const Drawing drawing = read({frame(0, k_first), frame(1, marked)});
  EXPECT_EQ(changes_of(drawing.frames[1]), (std::vector<bool>{true, false}));
}

TEST(Drawings, DoNotMarkMemoryThatIsNobodysYet) {
  const std::string less = cell(0, 40, "header") + "," + cell(40, 8, "reserved");
  const Drawing drawing = read({frame(0, k_first), frame(1, less)});
  EXPECT_EQ(changes_of(drawing.frames[1]), (std::vector<bool>{true, false}));
}

TEST(DrawingText, PutsCellsIntoBoxesAndMarksBelowThem) {
  Terminal terminal;
  terminal.utf8 = true;
  const Drawing drawing = read({frame(0, k_first), frame(1, k_second)});
  EXPECT_EQ(frame_text(drawing, 2, "en", terminal),
            "step 2 of 2: act\n"
            "Why.\n"
            "\n"
            "heap, 48 bytes at 0x1000, not to scale\n"
            "  +0      +16    +40\n"
            "  ┌───────┬──────┬────┐\n"
            "  │ header│*free │*p  │\n"
            "  │ 16    │ 24   │ 8 P│\n"
            "  │       │      │ x  │\n"
            "  └───────┴──────┴────┘\n"
            "          ^p          ^end\n"
            "\n"
            "ring: a → b\n"
            "free bytes: 1,000\n");
}

TEST(DrawingText, BreaksRowsAtTheTerminalsWidth) {
  Terminal terminal;
  terminal.width = 20;
  const Drawing drawing = read({frame(0, k_second)});
  EXPECT_NE(frame_text(drawing, 1, "en", terminal)
                .find("  +0      +16\n"
                      "  +-------+------+\n"
                      "  | header| free |\n"
                      "  | 16    | 24   |\n"
                      "  +-------+------+\n"
                      "          ^p\n"
                      "  +40\n"),
            std::string::npos)
      << frame_text(drawing, 1, "en", terminal);
}

TEST(DrawingText, ShowsThatSomethingIsNotShownAndWhereALinkLeads) {
  const Drawing drawing = read(
      {frame(0, cell(0, 16, "changed", R"(,"link":"0x1008")") + "," + cell(16, 8, "free"), 4096)});
  const std::string text = frame_text(drawing, 1, "en", Terminal{});
  EXPECT_NE(text.find("|!overwritten| free| not shown"), std::string::npos) << text;
  EXPECT_NE(text.find("| > heap+8"), std::string::npos) << text;
}

}  // namespace
}  // namespace arenite::command
