# Builds the library for musl on a Debian whose compiler is for glibc (package musl-tools):
#
#   cmake --preset musl && cmake --build build/musl
#
# On a system of musl's, Alpine for one, its own compiler does it without this file.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(specs /usr/lib/x86_64-linux-musl/musl-gcc.specs)
set(CMAKE_C_FLAGS_INIT "-specs=${specs}")
set(CMAKE_CXX_FLAGS_INIT "-specs=${specs}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# libstdc++'s headers are glibc's in a few places: what they ask for is defined here, or taken away.
execute_process(COMMAND g++ -dumpversion OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REGEX MATCH "^[0-9]+" version "${version}")
string(APPEND CMAKE_CXX_FLAGS_INIT " '-D__GLIBC_PREREQ(a,b)=0' -D__locale_t=locale_t"
  " -isystem ${CMAKE_CURRENT_LIST_DIR}/libstdc++"
  " -isystem /usr/include/c++/${version} -isystem /usr/include/x86_64-linux-gnu/c++/${version}")

# The kernel's headers alone, of all that is in /usr/include.
set(kernel ${CMAKE_BINARY_DIR}/kernel-headers)
file(MAKE_DIRECTORY ${kernel})
foreach(name linux asm-generic)
  file(CREATE_LINK /usr/include/${name} ${kernel}/${name} SYMBOLIC)
endforeach()
file(CREATE_LINK /usr/include/x86_64-linux-gnu/asm ${kernel}/asm SYMBOLIC)
string(APPEND CMAKE_CXX_FLAGS_INIT " -idirafter ${kernel}")
