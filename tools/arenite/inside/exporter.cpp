// arenite exporter: the figures of all processes under the library, for Prometheus.
#include <chrono>

#include "inside/metrics.hpp"
#include "inside/serve.hpp"
#include "inside/watch.hpp"

namespace arenite::inside {
namespace {

using Clock = std::chrono::steady_clock;

std::string page() {
  const Clock::time_point began = Clock::now();
  const Sweep sweep = sweep_all();
  return metrics_text(sweep, std::chrono::duration<double>(Clock::now() - began).count());
}

}  // namespace

ExporterCommand::ExporterCommand(CLI::App& command, const std::string& version)
    : parser_(command.add_subcommand(
          "exporter", "serve the figures of all processes under the library to Prometheus")) {
  parser_->set_version_flag("--version", version);
  parser_
      ->add_option("--listen", address_,
                   "where: HOST:PORT. Beyond this machine everybody who reaches it can read it")
      ->type_name("ADDRESS")
      ->capture_default_str();
  parser_->footer("The figures are at /metrics, as OpenMetrics text. SIGTERM ends it.");
}

int ExporterCommand::run() const {
  serve(address_, {"/metrics", k_metrics_type, page});
  return 0;
}

}  // namespace arenite::inside
