// Whether a preloaded library reaches a program at all.
//
// LD_PRELOAD is a request to the dynamic linker. A statically linked program has none, one of the
// other word size cannot load the library, and a set-user-ID program is protected from it. Each
// then runs on its own malloc, silently or with a warning that is easily taken for noise, and
// whoever measures it measures the wrong allocator.
#pragma once

#include <string>

namespace arenite::command {

enum class ElfClass { none, bits_32, bits_64 };

inline constexpr ElfClass k_own_class = sizeof(void*) == 8 ? ElfClass::bits_64 : ElfClass::bits_32;

// The word size of an ELF file; `none` where it is no such file, or cannot be read.
ElfClass class_of_file(const std::string& path);

// The same of a program that is looked for as execvp() does.
ElfClass class_of_program(const std::string& program);

// Why the library would not reach `program`, which is looked for as execvp() does; empty where it
// does, or where that cannot be told (a script, say).
std::string why_unreached(const std::string& program, const std::string& library);

}  // namespace arenite::command
