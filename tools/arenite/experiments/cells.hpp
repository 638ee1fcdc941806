// The figures that every program of the lab prints for a step, as sections of its table.
#pragma once

#include <string>

#include "experiment.hpp"

namespace arenite::command {

// Each is a heading and its cell; an experiment lists those that say something about it.
extern const Section k_time_section;       // clock / processor, s
extern const Section k_cpu_section;        // processor alone
extern const Section k_faults_section;     // minor page faults
extern const Section k_calls_section;      // "brk 3, munmap 1": the step's own calls to the kernel
extern const Section k_resident_section;   // VmRSS, MiB
extern const Section k_virtual_section;    // VmSize, MiB
extern const Section k_data_section;       // VmData, MiB
extern const Section k_heap_section;       // [heap]: size / resident, MiB
extern const Section k_anonymous_section;  // anonymous maps: size / resident, MiB

// All of them in this order, without the processor alone, which the first has.
std::vector<Section> all_sections();

// "brk 3, munmap 1", "none", or "-" where nobody counted.
std::string calls_text(const Step& step);
// How many of one call, "brk"; "-" where nobody counted.
std::string call_count_text(const Step& step, const std::string& call);
// Bytes in the process's own memory that are in memory, from smaps, not VmRSS: exact, and without
// the pages of the program and its libraries.
double own_resident_bytes(const Step& step);

}  // namespace arenite::command
