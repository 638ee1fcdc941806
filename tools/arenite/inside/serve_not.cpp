// serve() of a command that was built without cpp-httplib.
#include "errors.hpp"
#include "inside/serve.hpp"

namespace arenite::inside {

void serve(const std::string&, const Page&) {
  throw command::Failure("this command was built without cpp-httplib (libcpp-httplib-dev)");
}

}  // namespace arenite::inside
