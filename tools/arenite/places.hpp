// Where the command finds what it works with: the library and the lab's programs.
//
// The same order for both, so that a build tree, an unpacked archive and an installation all work
// without being told anything:
//
//   library       beside the command        program       lab/ beside the command
//                 ../lib/                                 ../libexec/arenite/lab/
//                 where it is installed to                where they are installed to
//
// What is built for 32-bit, programs and library, lies in lab/32/, likewise.
#pragma once

#include <filesystem>
#include <string>

namespace arenite::command {

// The library's absolute path. `named` is what --library said, or empty. Throws UsageError where
// the named file is missing, Failure where none is found or where the path cannot stand in
// LD_PRELOAD.
std::filesystem::path find_library(const std::string& named);

// The absolute path of a program of the lab. Throws Failure where it is not found.
std::filesystem::path find_lab_program(const std::string& name, bool is_32_bit = false);

// Whether the program was also built for 32-bit.
bool has_32_bit_lab_program(const std::string& name);

// The library built for 32-bit, which lies with the programs; empty where there is none.
std::filesystem::path find_32_bit_library();

}  // namespace arenite::command
