// The earliest call a program can make: the dynamic linker asks for the address of an indirect
// function while it still relocates the program, before any constructor of any library has run.

#include <malloc.h>

#include <cstdlib>

#include "expect.hpp"
#include "process.hpp"

using namespace behaviour;

static constinit void* early_block = nullptr;

extern "C" {
static int resolved_function() {
  return 42;
}

static int (*resolve())() {
  early_block = calloc(10, 10);
  free(malloc(1000));
  return resolved_function;
}

int indirect_function() __attribute__((ifunc("resolve")));
}

CASE(calls_while_the_program_is_relocated) {
  EXPECT_EQ(indirect_function(), 42);
  EXPECT(early_block != nullptr && all_bytes_are(early_block, 100, 0));
  free(early_block);
}

CASE(slabs_serve_once_the_program_runs) {
  EXPECT_EQ(indirect_function(), 42);
  void* p = nullptr;
  for (int i = 0; i < 100; ++i) p = keep(malloc(48));
  // A chunk of the other engine always has a little more.
  EXPECT_EQ(malloc_usable_size(p) == 48, !mode_is_classic());
}
