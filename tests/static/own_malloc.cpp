// A static program that brings a malloc of its own, the four functions that it must, and takes the
// rest from the archive: the operators of C++ and reallocarray, which come to its own. It links,
// for nothing of the archive that it uses brings in the archive's malloc.

#include <cstdlib>
#include <cstring>
#include <new>

#include "../preload/witness.hpp"
#include "check.h"

namespace {

void* volatile seen;

}  // namespace

int main() {
  witness_listen();
  seen = ::operator new(100);
  ::operator delete(seen);
  seen = ::operator new[](3'000'000, std::nothrow);
  ::operator delete[](seen);
  seen = reallocarray(nullptr, 10, 10);
  seen = reallocarray(seen, 10, 100);
  free(seen);
  CHECK(strcmp(witness_told(),
               "malloc(100) free malloc(3000000) free realloc(100) realloc(1000) free") == 0);
  return 0;
}
