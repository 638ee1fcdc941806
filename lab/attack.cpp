// The command line of the experiment. See attack.hpp.

#include "attack.hpp"

#include <cstdio>
#include <cstring>

#include "steps.hpp"

namespace {

constexpr char k_help[] =
    "usage: attack [--library PATH]\n"
    "Overflows blocks of two tiny allocators, then of the C library's and of those of arenite, "
    "whose\n"
    "library is at PATH, each in a child process; prints one JSON line for each step.\n"
    "Best started by `arenite lab attack`, which draws them.\n";

}  // namespace

int main(int argc, char** argv) {
  using namespace arenite::lab;
  if (argc > 1 && strcmp(argv[1], "victim") == 0) return be_victim(argc - 2, argv + 2);
  std::string library;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(k_help, stdout);
      return 0;
    }
    if (strcmp(argv[i], "--version") == 0) {
      puts("attack " ARENITE_VERSION);
      return 0;
    }
    if (strcmp(argv[i], "--library") != 0 || i + 1 == argc) {
      fail(2, "attack", "the only option is --library PATH");
    }
    library = argv[++i];
  }
  draw_accident();
  draw_aimed_header();
  draw_unlink();
  draw_check();
  draw_here(library);
  return 0;
}
