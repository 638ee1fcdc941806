// F7 api: the door header. What programs see.
//
//   names.hpp         the names, and what goes by name to another allocator in front of us
//   malloc.cpp        C, POSIX and GNU: allocation, resizing, alignment, release
//   by_name.cpp       those of them that call others by name
//   operator_new.cpp  every replaceable operator new of C++
//   operator_new_aligned.cpp  those with an alignment
//   operator_delete.cpp  every operator delete
//   mallopt.cpp       settings changed while the program runs; trimming; mallinfo
//   malloc_info.cpp   figures as XML and as text
//   arenite_stats.cpp what is promised of free memory, and how it stands (include/arenite)
//   exports.map       the exported names, and no others
//
// This floor alone sets errno and exports symbols. It adds what the manuals say to what the engine
// does: which sizes and alignments are refused, and with which error.
#pragma once

#include <cerrno>

#include "api/names.hpp"
#include "engine/engine.hpp"

namespace arenite::api {

// Where a request ends that cannot be met.
ARENITE_COLD inline void* no_memory(size_t /*n*/ = 0) {
  errno = ENOMEM;
  return nullptr;
}

inline bool is_too_large(size_t n) {
  return n > k_largest_request;
}

}  // namespace arenite::api
