// Experiment fragment: some blocks stay, among many that go. What of the memory goes with them?
//
// Five waves. In each a program takes 16 MiB of short-lived blocks, writes to them, and after every
// second one takes a block that will stay, a little more than half as large: requests' buffers, and
// what is remembered of them. At the end of the wave the short-lived ones are freed. Those of the
// next wave are four times as large, so that neither kind fits into what the last one left behind:
//
//   wave 1   [s][s][l][s][s][l][s][s][l]…     freed   [    ][l][    ][l][    ][l]…
//   wave 2   [    ][l][    ][l][    ][l]… [   s   ][   s   ][ l ][   s   ][   s   ][ l ]…
//
// With --one-size 1 both kinds are of 64 bytes instead, and one in 64 stays: one in each page.
//
// The blocks themselves hold the lists of what is to be freed: a list of ours would be in the way.
// The page fragment.md says what to expect and why.

#include <cstdlib>
#include <cstring>
#include <new>

#include "steps.hpp"

namespace {

using namespace arenite::lab;

constexpr char k_program[] = "fragment";
constexpr size_t k_mib = 1024 * 1024;
constexpr size_t k_waves = 5;

// What one wave takes: `short_in_a_row` short-lived blocks, then one that stays.
struct Sizes {
  size_t short_bytes;
  size_t long_bytes;
  size_t short_in_a_row;
};

// The chunk of a block that stays is larger than two short-lived ones of the wave before together.
Sizes growing_sizes(size_t wave) {
  constexpr size_t k_first_bytes = 256;
  const size_t short_bytes = k_first_bytes << (2 * wave);
  return {short_bytes, short_bytes / 2 + 64, 2};
}

Sizes one_size(size_t /*wave*/) {
  return {64, 64, 63};
}

// Blocks of one lifetime.
struct Blocks {
  struct Link {
    Link* next;
    size_t bytes;
  };

  Link* first = nullptr;
  size_t bytes = 0;

  void take(size_t size) {
    void* const block = malloc(size);
    if (block == nullptr) fail(1, k_program, "out of memory");
    memset(block, 1, size);
    first = new (block) Link{first, size};
    bytes += size;
  }
  void free_all() {
    while (first != nullptr) {
      Link* const next = first->next;
      bytes -= first->bytes;
      free(first);
      first = next;
    }
  }
};

class Waves {
 public:
  Waves(Sizes (*sizes_of)(size_t wave), size_t wave_bytes)
      : sizes_of_(sizes_of), wave_bytes_(wave_bytes) {}

  void take(size_t wave) {
    const Sizes sizes = sizes_of_(wave);
    const size_t rows = wave_bytes_ / (sizes.short_bytes * sizes.short_in_a_row);
    for (size_t row = 0; row < rows; row++) {
      for (size_t i = 0; i < sizes.short_in_a_row; i++) short_lived_.take(sizes.short_bytes);
      long_lived_.take(sizes.long_bytes);
    }
  }
  void free_short_lived() { short_lived_.free_all(); }
  void free_long_lived() { long_lived_.free_all(); }
  size_t live_bytes() const { return short_lived_.bytes + long_lived_.bytes; }

 private:
  Sizes (*const sizes_of_)(size_t wave);
  const size_t wave_bytes_;
  Blocks short_lived_;
  Blocks long_lived_;
};

class Report {
 public:
  explicit Report(Steps& steps) : steps_(steps) {}

  void moment(std::string_view name, const Waves& waves) {
    const uint64_t resident = own_resident_bytes(look());
    steps_.row("moments",
               {Figure::text("moment", name), Figure::number("number", number_++),
                Figure::number("live_bytes", waves.live_bytes()),
                Figure::number("resident_bytes", resident > at_start_ ? resident - at_start_ : 0)});
  }

 private:
  Steps& steps_;
  const uint64_t at_start_ = own_resident_bytes(look());
  uint64_t number_ = 1;
};

void run(Sizes (*sizes_of)(size_t wave), size_t wave_bytes) {
  // Names of moments, ready made: nothing allocates here.
  static constexpr std::string_view k_taken[k_waves] = {"wave 1", "wave 2", "wave 3", "wave 4",
                                                        "wave 5"};
  static constexpr std::string_view k_freed[k_waves] = {
      "wave 1 freed", "wave 2 freed", "wave 3 freed", "wave 4 freed", "wave 5 freed"};
  Steps steps;
  Waves waves(sizes_of, wave_bytes);
  Report report(steps);
  for (size_t wave = 0; wave < k_waves; wave++) {
    steps.run(k_taken[wave], [&] { waves.take(wave); });
    report.moment(k_taken[wave], waves);
    steps.run(k_freed[wave], [&] { waves.free_short_lived(); });
    report.moment(k_freed[wave], waves);
  }
  steps.run("a second later", [] {
    sleep_seconds(1);
    void* const block = malloc(1);  // who makes no call at all gives nothing back
    use(block);
    free(block);
  });
  report.moment("a second later", waves);
  steps.run("all freed", [&] { waves.free_long_lived(); });
  report.moment("all freed", waves);
}

constexpr char k_help[] =
    "usage: fragment [--wave N] [--one-size 0|1]\n"
    "Takes and frees five waves of N MiB (16) of short-lived blocks, with blocks among them that\n"
    "stay, and prints one JSON line a moment. With --one-size 1 all blocks are of 64 bytes.\n"
    "Best started by `arenite lab fragment`, which compares allocators.\n";

}  // namespace

int main(int argc, char** argv) {
  uint64_t wave_mebibytes = 16;
  uint64_t is_one_size = 0;
  read_arguments(argc, argv, k_program, k_help,
                 {{"--wave", &wave_mebibytes, 1, 1024}, {"--one-size", &is_one_size, 0, 1}});
  run(is_one_size != 0 ? one_size : growing_sizes, wave_mebibytes * k_mib);
}
