// A list of the calls that an allocator in front of the library is asked, for names.cpp. It is kept
// between witness_listen() and witness_told(); both are of the allocator that has it.
#pragma once

extern "C" {
[[gnu::weak]] void witness_listen();
[[gnu::weak]] const char* witness_told();  // "malloc(100) free"
}

namespace witness {

// One more call, with one or two figures.
void note(const char* name, long first = -1, long second = -1);

}  // namespace witness
