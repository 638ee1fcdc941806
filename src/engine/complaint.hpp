// Complaints of the environment, each in one line on standard error: a setting that cannot be read,
// an ARENITE_ variable that is no setting.
//
// A tree of processes inherits its environment. The first of them says it; a process whose parent
// has this library and the same variable says nothing, for the parent has said it. Nothing is
// looked up for that unless there is something to complain of.
#pragma once

#include "policy/policy.hpp"

namespace arenite::engine {

// Names the variable and its value, and what would have been right. The default is kept.
void complain(void*, const char* variable, const char* value, size_t length,
              const policy::SettingInfo& info);

// Names the variable, and the setting that was probably meant.
void complain_of_unknown(void*, const char* entry, size_t name_length);

}  // namespace arenite::engine
