// Serve: one page over HTTP, made anew for each request, until a signal ends it.
#pragma once

#include <functional>
#include <string>

namespace arenite::inside {

struct Page {
  std::string path;
  std::string type;
  std::function<std::string()> make;  // called by one thread at a time
};

// "127.0.0.1:9393", "[::1]:9393", "localhost:0" (any free port). Says on standard output where it
// listens; returns after SIGTERM or SIGINT. A UsageError where the address is none or is in use; a
// Failure where the command was built without an HTTP library.
void serve(const std::string& address, const Page& page);

}  // namespace arenite::inside
