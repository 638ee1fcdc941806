// F5 engine: the door header. It joins what the floors below offer into a malloc.
//
//   start.hpp   the settings are read and the main arena made, at the first request
//   route.hpp   which engine serves a request, and which takes a block back
//   beyond_slabs.hpp  what is larger than slabs' blocks: spans and mappings
//   chunks.hpp  the way through the arenas: classic mode's
//   fork.hpp    what must happen before, after and in the child of a fork
//   retention.hpp  free memory goes back by itself
//   background.hpp  ... in a program that makes no call
//   trim.hpp    memory goes back on request; figures of the whole process
//
// Start-up. There is no constructor: the first request finds its thread without an arena and takes
// the slow way, which starts the library if nobody has. It may come from the dynamic linker, from
// another library's constructor or from a signal stack; nothing in start allocates or waits for
// anybody but another thread in start.
#pragma once

#include "engine/fork.hpp"
#include "engine/retention.hpp"
#include "engine/route.hpp"
#include "engine/start.hpp"
#include "engine/trim.hpp"
