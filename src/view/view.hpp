// F6 view: the door header. What the engines hold, told to whoever wants to look.
//
//   memory.hpp       what is looked at: this process, or a copy of another's memory
//   walk_slabs.hpp, walk_spans.hpp, walk_large.hpp, walk_chunks.hpp
//                    the engines' structures, in any memory
//   opened.hpp       what of them is private and needed for that
//   root.hpp         where a tool in another process begins
//   snapshot.hpp     all of this process's own at one moment, as plain figures
//
// Looking changes nothing: no memory is allocated, no bin sorted, no page touched that was not. A
// snapshot is of the very heap that its program runs on, so that program's threads must be at rest
// meanwhile: the caller's part, for no lock could promise it of a thread's own slabs. Of another
// process, which goes on, the walkers read again what contradicts itself.
//
// A snapshot names nothing of the floors below, so that programs outside src/ may read it. The
// command's tools read the rest as well: they are of the same build, and check that (root.hpp).
#pragma once

#include "view/root.hpp"
#include "view/snapshot.hpp"
#include "view/walk_chunks.hpp"
#include "view/walk_large.hpp"
#include "view/walk_slabs.hpp"
#include "view/walk_spans.hpp"
