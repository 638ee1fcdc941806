// The main arena, and its start: every process runs that, though few have chunks.
#include "chunk/arena.hpp"

namespace arenite::chunk {

constinit Arena g_main_arena;

ARENITE_SELDOM void Arena::start_main() {
  g_main_arena.bins_.reset();
  if (g_tuning.tracks_pages != 0) g_main_arena.pages_.start();
  // Where libc's heap moves the break, ours does not: sbrk in two threads at once may give both the
  // same memory, and no lock is common to the two.
  g_main_arena.may_move_break_ = !os::libc_has_a_heap();
  g_main_arena.contiguous_ = g_main_arena.may_move_break_;
}

}  // namespace arenite::chunk
