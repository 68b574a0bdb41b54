#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "client/cancellation.h"

namespace grpc {
class Channel;
}

namespace lumen {

struct ConnectionOptions {
  std::string server = "127.0.0.1:50051";  // host:port or unix:path
  // Of connecting; of each call, from its start to its answer; of a stream, between two messages.
  std::chrono::milliseconds timeout{10'000};
  // Of the calls that take as long as the data is large (AdminClient says which, and
  // KvClient::Scan). Zero: no limit; a server that vanishes is noticed all the same.
  std::chrono::milliseconds long_call_timeout{0};
  // Must outlive the connection. None: calls cannot be cancelled.
  Cancellation* cancellation = nullptr;
};

// One connection to one server, which KvClient and AdminClient share. Made when first needed, and
// made again when it breaks. Thread-safe.
class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Waits for the connection. UNAVAILABLE at the first attempt that fails, with the reason, or when
  // the timeout is over; CANCELLED.
  absl::Status Connect();

  // OK: the server serves. FAILED_PRECONDITION: it says that it does not (it recovers or drains).
  // Any other: it could not be asked.
  absl::Status CheckServing();

  const ConnectionOptions& options() const { return options_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  absl::Status WhyNotConnected();

  const ConnectionOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace lumen
