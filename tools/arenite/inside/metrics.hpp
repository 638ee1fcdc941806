// Metrics: a sweep as OpenMetrics text, version 1.0.0.
//
// Every metric but those of the sweep itself has the labels pid and command. Names are for good:
// dashboards and alerts hold them.
#pragma once

#include <string>

#include "inside/sweep.hpp"

namespace arenite::inside {

inline constexpr char k_metrics_type[] =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// `seconds`: how long the sweep took.
std::string metrics_text(const Sweep& sweep, double seconds);

}  // namespace arenite::inside
