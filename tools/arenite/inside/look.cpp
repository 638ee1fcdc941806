// See look.hpp.

#include "inside/look.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "errors.hpp"

namespace arenite::inside {

Look::Look(const std::string& what)
    : target_(Target::open(what)),
      objects_(*target_),
      image_(*target_),
      library_(Library::find(*target_, objects_, image_)) {}

Heap& Look::heap() {
  if (heap_ == nullptr) heap_ = std::make_unique<Heap>(*target_, library_, image_);
  return *heap_;
}

const Roots& Look::roots() {
  if (roots_ == nullptr) roots_ = std::make_unique<Roots>(*target_, objects_, heap(), image_);
  return *roots_;
}

const Graph& Look::graph(Graph::Remember remember) {
  if (graph_ == nullptr) {
    Waiting waiting(fmt::format("reading {}", target_->name()));
    heap().copy_contents([&] { waiting.tick(); });
    graph_ = std::make_unique<Graph>(heap(), roots(), image_, remember);
  }
  return *graph_;
}

namespace {

// The text at the start of a block, if it is some.
std::string text_of(const char* bytes, size_t size) {
  constexpr size_t k_least = 4;
  constexpr size_t k_most = 24;
  size_t length = 0;
  while (length < size && length < k_most && bytes[length] >= ' ' && bytes[length] <= '~') length++;
  const bool ends = length == size || length == k_most || bytes[length] == '\0' ||
                    bytes[length] == '\n' || bytes[length] == '\t';
  return length >= k_least && ends ? std::string(bytes, length) : std::string();
}

}  // namespace

Hint hint_of(Look& look, const Block& block) {
  Hint hint;
  const size_t size = std::min<size_t>(block.bytes, 64);
  const auto* bytes = static_cast<const char*>(look.image().at(block.start, size));
  if (bytes == nullptr) return hint;
  bool is_pointer = false;
  if (size >= k_word) {
    const uintptr_t first = *reinterpret_cast<const uintptr_t*>(bytes);
    hint.type = look.objects().class_of_vtable(first);
    is_pointer = look.target().mapping_at(first) != nullptr;  // its bytes may be letters
  }
  if (hint.type.empty() && !is_pointer) hint.text = text_of(bytes, size);
  return hint;
}

std::string block_text(size_t bytes, const Hint& hint) {
  if (!hint.type.empty()) return fmt::format("{} bytes, {}", bytes, hint.type);
  if (!hint.text.empty()) return fmt::format("{} bytes, text \"{}\"", bytes, hint.text);
  return fmt::format("{} bytes", bytes);
}

void warn_of_gaps(Look& look) {
  size_t moving = 0;
  for (const Range& range : look.heap().moving()) moving += range.end - range.begin;
  if (moving != 0)
    fmt::print(stderr, "arenite: {} of the heap changed whenever they were read: moving\n",
               bytes_text(moving));
  if (const size_t swapped = look.target().swapped(); swapped != 0)
    fmt::print(stderr, "arenite: {} pages are on a swap device and were not read\n", swapped);
}

std::string bytes_text(size_t bytes) {
  if (bytes < k_kib) return fmt::format("{} bytes", bytes);
  if (bytes < k_mib) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / k_kib);
  if (bytes < 1024 * k_mib) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / k_mib);
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / k_mib / 1024);
}

void Waiting::tick() {
  constexpr std::chrono::seconds k_patience{2};
  const auto waited = std::chrono::steady_clock::now() - began_;
  if (waited < k_patience || isatty(STDERR_FILENO) == 0) return;
  is_shown_ = true;
  fmt::print(stderr, "\r{} ... {:.0f} s", what_, std::chrono::duration<double>(waited).count());
  std::fflush(stderr);
}

Waiting::~Waiting() {
  if (is_shown_) fmt::print(stderr, "\r\033[K");
}

InsideCommand::InsideCommand(CLI::App& command, const std::string& version, const char* name,
                             const char* help)
    : parser_(command.add_subcommand(name, help)) {
  parser_->set_version_flag("--version", version);
  parser_->add_flag("--json", json_, "as JSON");
}

void InsideCommand::take_target(const char* kind, const char* help) {
  parser_->add_option("target", target_, help)->type_name(kind);
}

void InsideCommand::print(const Json& json) const {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace arenite::inside
