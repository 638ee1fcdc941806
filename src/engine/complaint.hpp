// Complaint: a setting that cannot be read, said in one line on standard error.
#pragma once

#include "policy/policy.hpp"

namespace arenite::engine {

// Names the variable and its value, and what would have been right. The default is kept.
void complain(void*, const char* variable, const char* value, size_t length,
              const policy::SettingInfo& info);

}  // namespace arenite::engine
