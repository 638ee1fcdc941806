// What a drawn experiment's program prints (lab/frames.hpp says how): drawings, which are rows of
// frames, which are pictures of memory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace arenite::command {

using Json = nlohmann::ordered_json;  // keeps the order in which things were given

struct Drawing {
  std::string name;
  Json title;  // {"en":…,"zh":…}
  std::vector<Json> frames;
};

class DrawingReader {
 public:
  explicit DrawingReader(std::string program) : program_(std::move(program)) {}

  // Takes a line of the program's output. Throws Failure where it is neither a drawing's beginning
  // nor its next frame, or where a frame's cells do not tile their area.
  void take(const std::string& line);

  // All of it, each frame's cells marked that the frame before did not have just so. Throws Failure
  // where there is nothing.
  std::vector<Drawing> finish();

 private:
  std::string program_;
  std::vector<Drawing> drawings_;
};

// The drawing as an object of JSON: name, title, frames.
Json to_json(const Drawing& drawing);

// A part of a frame, an area, a list: what is absent is empty.
const Json& part_of(const Json& whole, const char* name);

// An address as the frames write it, "0x1040".
uint64_t address_of(const Json& text);

}  // namespace arenite::command
