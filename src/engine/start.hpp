// Start: once, at the first request, wherever that comes from.
#pragma once

#include "policy/policy.hpp"

namespace arenite::engine {

// Starts the library if nobody has. Any thread, at any time; cheap once it has run.
void start();

bool is_classic();

// Whether a call of malloc or free by name reaches another allocator, in front of us, that the
// operators of C++ must not pass by. Defined by the floor that has these names (api/names.cpp).
bool is_interposed();

// mallopt: changes one setting now. False if the value is out of its range.
bool change_setting(const policy::SettingInfo& info, size_t value);

}  // namespace arenite::engine
