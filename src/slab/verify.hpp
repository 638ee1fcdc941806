// Verify: a slab's, a list's and a region's invariants (slab_engine.hpp), checked by looking at all
// of them. For tests; linear in what is looked at.
//
// What may be looked at depends on who else is at work. A slab whose owner is the caller, or the
// depot with its lock held, is at rest but for marks that others set: all of S1 to S4 is checked,
// but whether the header names the marks only where nobody else runs. Of a slab whose owner runs,
// only what holds at every moment.
#pragma once

#include "slab/owner.hpp"
#include "slab/region.hpp"

namespace arenite::slab {

// Whether other threads may be freeing into the slab.
enum class Company : bool { none, present };

// A slab that its owner leaves alone.
bool verify_at_rest(const Slab* slab, Company company, Breach& breach);

// Any slab, as long as it remains one.
bool verify_running(const Slab* slab, Breach& breach);

// The lists of an owner, its lock held: each slab in them is his, and where it says (S5).
bool verify_lists(const Owner& owner, Breach& breach);

}  // namespace arenite::slab
