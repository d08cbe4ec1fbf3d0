// The service as a whole: the only place where its parts are put together.
#pragma once

#include <functional>
#include <memory>

#include "core/base/status.h"
#include "core/config/config.h"
#include "core/media/frame_source.h"

namespace tamiz::server {

// Thread-safe but for Shutdown, which is called once.
class App {
 public:
  struct Options {
    config::Config config;
    // Reads the configuration again, for ReloadConfig and SIGHUP.
    std::function<StatusOr<config::Config>()> load_config;
    // In place of decoder processes, for tests.
    std::unique_ptr<media::FrameSource> frames;
  };

  // Starts everything and listens. Calls are answered from then on; the service is ready (health, /healthz)
  // when the first self-test has passed. The error says which part could not start and what to do.
  [[nodiscard]] static StatusOr<std::unique_ptr<App>> Start(Options options);
  // Shuts down if that was not done.
  ~App();

  [[nodiscard]] int grpc_port() const;     // 0 for a Unix socket
  [[nodiscard]] int metrics_port() const;  // 0 if there is none
  [[nodiscard]] bool ready() const;

  // Takes over what can change at run time and logs the outcome.
  Status ReloadConfig();
  // See shutdown.h. True if everything that was accepted finished by itself.
  bool Shutdown();

 private:
  struct Parts;
  explicit App(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tamiz::server
