// The names this library is called by.
//
// malloc and its family replace libc's. In a sanitizer or coverage build the program keeps its own,
// and ours carry a prefix.
#pragma once

#ifdef ARENITE_PREFIXED
#define ARENITE_NAME(name) arenite_##name
#else
#define ARENITE_NAME(name) name
#endif

#define ARENITE_EXPORT extern "C" [[gnu::visibility("default")]]
#define ARENITE_OPERATOR [[gnu::visibility("default")]]
