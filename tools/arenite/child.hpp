// A child process whose standard output we read line by line while it runs.
//
// The child's standard input is empty unless it is to get ours; its standard error is ours. It dies
// with us: should the command be killed, no experiment goes on filling memory behind its back. Its
// calls to the kernel for memory are counted unless that is declined or refused (tracer.hpp).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace arenite::command {

struct ChildStart {
  std::filesystem::path program;
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // NAME=VALUE, all of it
  bool gets_input = false;               // our standard input is its own
  bool is_traced = true;
};

struct ChildListener {
  std::function<void(const std::string&)> line;  // one line of output, without its end
  std::function<void()> tick;                    // some five times a second
};

// Runs the child to its end and returns its wait status. Throws Failure where it cannot be started.
int run_child(const ChildStart& start, const ChildListener& listener);

// "ended with status 1", "was killed by signal 9 (Killed)".
std::string describe_end(int wait_status);

// The environment of this process, but for the named variables.
std::vector<std::string> environment_without(const std::vector<std::string>& names);

}  // namespace arenite::command
