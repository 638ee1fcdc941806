// The two ways in which the command itself can fail, and what each ends it with.
//
//   UsageError   it was asked for something it does not know: one line on stderr, status 2
//   Failure      it was asked rightly and could not: one line on stderr, status 1 unless said;
//                no line if the message is empty, for then somebody else has said it
//
// main() catches both; nothing else writes an error and leaves.
#pragma once

#include <stdexcept>
#include <string>

namespace arenite::command {

inline constexpr int k_status_failure = 1;
inline constexpr int k_status_usage = 2;

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Failure : std::runtime_error {
  explicit Failure(const std::string& message, int exit_status = k_status_failure)
      : std::runtime_error(message), status(exit_status) {}
  int status;
};

}  // namespace arenite::command
