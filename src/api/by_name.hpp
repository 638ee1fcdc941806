// Calls by name: of malloc and the others, whoever's they are (names.hpp). Not for a file that
// includes libc's own declarations.
#pragma once

#include "api/api.hpp"

extern "C" {
void* ARENITE_NAME(malloc)(size_t n);
void* ARENITE_NAME(realloc)(void* p, size_t n);
void* ARENITE_NAME(aligned_alloc)(size_t align, size_t n);
void ARENITE_NAME(free)(void* p);
}
