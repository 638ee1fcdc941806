// F2 policy: the door header. Decisions, and nothing but decisions.
//
// Plain figures in, plain figures out: no state, no lock, no system call. Whoever acts on a
// decision asks for it here first, so that each can be read, tested and simulated on its own.
//
//   settings.hpp    what the user asked for, and where it was said
//   thresholds.hpp  which blocks get a mapping of their own; when a top is trimmed
//   arena_count.hpp how many arenas there may be
//   retention.hpp   how much free memory may stay resident
//   pressure.hpp    how much less near the container's limit, and when to look
//   credit.hpp      how much more a program has earned by asking for it again
//   purging.hpp     how much has to go now
//   holes.hpp       when free pages inside slabs go
//   rounds.hpp      when slabs are looked into for them, and how much at a time
//   huge_pages.hpp  which growth starts as a huge page
//   refusal.hpp     when the kernel is asked again for what it refused
#pragma once

#include "policy/arena_count.hpp"
#include "policy/credit.hpp"
#include "policy/holes.hpp"
#include "policy/huge_pages.hpp"
#include "policy/pressure.hpp"
#include "policy/purging.hpp"
#include "policy/refusal.hpp"
#include "policy/retention.hpp"
#include "policy/rounds.hpp"
#include "policy/settings.hpp"
#include "policy/thresholds.hpp"
