// serve() by cpp-httplib, if there is one.
#ifndef ARENITE_HAS_HTTPLIB
#include "inside/serve.hpp"
#include "errors.hpp"

namespace arenite::inside {

void serve(const std::string& /*address*/, const Page& /*page*/) {
  throw command::Failure("this command was built without cpp-httplib (libcpp-httplib-dev)");
}

}  // namespace arenite::inside

#else
#include "inside/serve.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include "errors.hpp"

namespace arenite::inside {
namespace {

using command::UsageError;

struct Address {
  std::string host;
  int port;
};

Address parsed(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    std::string host = text.substr(0, colon);
    const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    const char* const end = text.data() + text.size();
    uint16_t port = 0;
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, port);
    const bool is_number = error == std::errc() && stopped == end;
    // Of an address with colons nobody could tell where the port begins.
    const bool is_clear = is_bracketed || host.find(':') == std::string::npos;
    if (!host.empty() && is_number && is_clear) return {host, port};
  }
  throw UsageError(
      fmt::format("'{}' is no address: give HOST:PORT, such as 127.0.0.1:9393 (try --help)", text));
}

// Not httplib's own options: with SO_REUSEPORT two of them would share a port, and each get half of
// the requests.
void set_options(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

// The port that it is.
int bind(httplib::Server& server, const std::string& text) {
  const Address address = parsed(text);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0)
    throw UsageError(fmt::format("cannot listen on {}: {}", text, gai_strerror(error)));
  freeaddrinfo(found);
  errno = 0;
  int port = address.port;
  bool is_bound = false;
  if (port == 0) {
    port = server.bind_to_any_port(address.host);
    is_bound = port > 0;
  } else {
    is_bound = server.bind_to_port(address.host, port);
  }
  if (!is_bound)
    throw UsageError(fmt::format("cannot listen on {}: {}", text,
                                 errno != 0 ? strerror(errno) : "the address cannot be used"));
  return port;
}

}  // namespace

void serve(const std::string& address, const Page& page) {
  constexpr size_t k_threads = 4;
  // Every thread inherits this, so that the signals come to sigwait() alone.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  httplib::Server server;
  std::mutex one_at_a_time;
  server.new_task_queue = [] { return new httplib::ThreadPool(k_threads); };
  server.set_socket_options(set_options);
  server.set_keep_alive_timeout(1);  // seconds; as long may the end take
  server.Get(page.path, [&](const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(one_at_a_time);
    response.set_content(page.make(), page.type);
  });
  const int port = bind(server, address);
  const std::string host = address.substr(0, address.rfind(':'));
  fmt::print("http://{}:{}{}\n", host, port, page.path);
  std::fflush(stdout);

  std::atomic<bool> has_ended = false;
  std::thread serving([&] {
    server.listen_after_bind();
    has_ended = true;
    kill(getpid(), SIGTERM);  // should it end by itself
  });
  int signal = 0;
  sigwait(&ends, &signal);
  const bool is_failure = has_ended;
  // stop() does nothing to a server whose thread has not begun yet.
  while (!server.is_running() && !has_ended) std::this_thread::yield();
  server.stop();
  serving.join();
  if (is_failure) throw command::Failure(fmt::format("no longer able to listen on {}", address));
}

}  // namespace arenite::inside

#endif
