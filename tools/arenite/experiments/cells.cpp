// See cells.hpp.

#include "cells.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "kernel_calls.hpp"

namespace arenite::command {
namespace {

// Where no time passed nothing was done: the first look.
bool did_something(const Step& step) {
  return step.number("seconds") > 0;
}

std::string time_cell(const Step& step) {
  if (!did_something(step)) return "-";
  return fmt::format("{} / {}", seconds_text(step.number("seconds")),
                     seconds_text(step.number("cpu_seconds")));
}
std::string cpu_cell(const Step& step) {
  return did_something(step) ? seconds_text(step.number("cpu_seconds")) : "-";
}
std::string faults_cell(const Step& step) {
  return did_something(step) ? count_text(step.number("minor_faults")) : "-";
}
std::string calls_cell(const Step& step) {
  return did_something(step) ? calls_text(step) : "-";
}
std::string resident_cell(const Step& step) {
  return mib_text(step.number("resident_bytes"));
}
std::string virtual_cell(const Step& step) {
  return mib_text(step.number("virtual_bytes"));
}
std::string data_cell(const Step& step) {
  return mib_text(step.number("data_bytes"));
}
std::string heap_cell(const Step& step) {
  return fmt::format("{} / {}", mib_text(step.number("heap_bytes")),
                     mib_text(step.number("heap_resident_bytes")));
}
std::string anonymous_cell(const Step& step) {
  return fmt::format("{}: {} / {}", count_text(step.number("anonymous_maps")),
                     mib_text(step.number("anonymous_bytes")),
                     mib_text(step.number("anonymous_resident_bytes")));
}

}  // namespace

const Section k_time_section = {"time: clock / processor, s", time_cell};
const Section k_cpu_section = {"time of the processor, s", cpu_cell};
const Section k_faults_section = {"minor page faults", faults_cell};
const Section k_calls_section = {"calls to the kernel for memory", calls_cell};
const Section k_resident_section = {"resident, VmRSS, MiB", resident_cell};
const Section k_virtual_section = {"virtual, VmSize, MiB", virtual_cell};
const Section k_data_section = {"writable, VmData, MiB", data_cell};
const Section k_heap_section = {"[heap]: size / resident, MiB", heap_cell};
const Section k_anonymous_section = {"anonymous maps: size / resident, MiB", anonymous_cell};

std::vector<Section> all_sections() {
  return {k_time_section,    k_faults_section, k_calls_section, k_resident_section,
          k_virtual_section, k_data_section,   k_heap_section,  k_anonymous_section};
}

std::string calls_text(const Step& step) {
  std::string text;
  for (const char* call : lab::k_kernel_call_names) {
    if (!step.has(call)) return "-";
    if (step.number(call) == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", call, count_text(step.number(call)));
  }
  return text.empty() ? "none" : text;
}

std::string call_count_text(const Step& step, const std::string& call) {
  return step.has(call) ? count_text(step.number(call)) : "-";
}

double own_resident_bytes(const Step& step) {
  return step.number("heap_resident_bytes") + step.number("anonymous_resident_bytes");
}

}  // namespace arenite::command
