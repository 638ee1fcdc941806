// What a reference of this library leads to.
//
// A library's call of a global function goes to whatever definition the dynamic linker found first,
// which may be another library's or the program's own. `&function` does not tell: a program that is
// linked to a fixed address and takes the function's address makes a stub of its own that address,
// for everybody. So the linker's result is read where it was put: in the slot of the relocation.
#pragma once

namespace arenite::os {

// Where this module's calls of the global function `name` lead; nullptr where it has no relocation
// for that name, because the calls were bound when it was linked. The module is the shared library,
// or the program or plugin that has the archive inside. Takes no lock and does not allocate.
// For names that the module was linked to bind at once (-z now), as the shared library's are.
const void* bound_to(const char* name);

// Whether libc was loaded before this module: by dlopen, as a rule. Then names lead to libc's
// functions rather than to this module's. Takes no lock: it reads the list of what is loaded no
// further than to libc, and what the program was started with stays in it.
bool libc_comes_first();

}  // namespace arenite::os
