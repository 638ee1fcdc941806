// Experiment attack, in three parts: what a string that is too long does to a heap that believes
// its own headers, and where the same string ends in one that does not.
//
//   attack_ring.cpp      the K&R heap: the overwritten header of a free block, by accident and
//   aimed attack_unlink.cpp    the doubly linked heap: the unlink write, and the check against it
//   attack_here.cpp      the same input against glibc and arenite, each in a child process
//
// All of the first two happens inside a TinyMemory.
#pragma once

#include <string>

namespace arenite::lab {

void draw_accident();
void draw_aimed_header();
void draw_unlink();
void draw_check();

// Runs the victims under glibc and, where its library is named, under both modes of arenite.
void draw_here(const std::string& library);

// What the child processes of draw_here() do: `victim BYTES OTHERS INPUT`, as words of a command
// line. Returns the exit status.
int be_victim(int argc, char** argv);

}  // namespace arenite::lab
