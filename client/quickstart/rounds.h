#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/client.h"
#include "client/quickstart/load.h"
#include "client/quickstart/random.h"
#include "client/quickstart/server_process.h"

namespace lumen::quickstart {

struct Settings {
  int rounds = 5;
  uint64_t seed = 1;
  std::string server_binary;
  std::string directory;  // scratch: data, log
};

// What one round did: load, a kill, a restart, a look at every key.
struct RoundReport {
  uint64_t acknowledged = 0;
  uint64_t in_doubt = 0;
  int in_flight_at_kill = 0;
  uint64_t keys_checked = 0;
  uint64_t keys_present = 0;
  int64_t recovery_ms = 0;  // from the start of the process to SERVING
  std::vector<std::string> violations;
};

// The experiment: several clients write through gRPC while the server is killed and started again.
// The log of what was issued and acknowledged lives here, outside the killed process. Not
// thread-safe; every wait is bounded.
class Rounds {
 public:
  explicit Rounds(Settings settings);

  // Starts the server on an empty directory. Error: it did not come to serve, with its log.
  absl::Status Begin();
  // Error: the server did not come back, or a wait passed its bound. Wrong data is no error but in
  // the report.
  absl::Status RunRound(RoundReport& report);
  // Lets the server drain. Error: it ends with anything but exit code 0.
  absl::Status End();
  // Leaves a server with default settings running on the data, preferably on the default port.
  // Its address, and its process.
  absl::Status LeaveServing(std::string& address, pid_t& pid);

  std::string data_directory() const { return settings_.directory + "/data"; }
  std::string log_file() const { return settings_.directory + "/server.log"; }

  static constexpr int kClients = 4;
  static constexpr int kLanesPerClient = 16;
  static constexpr int kKeysPerLane = 40;

 private:
  absl::Status StartServer(const std::vector<std::string>& arguments, int port, bool detached);
  absl::Status StartTinyServer();
  // Every lane on its own client's connection.
  void StartLanes(const std::shared_ptr<Phase>& phase,
                  void (Lane::*start)(Client&, std::shared_ptr<Phase>));
  absl::Status AwaitKillMoment(Phase& phase);
  absl::Status LoadAndKill(RoundReport& report);
  absl::Status CheckKeys(RoundReport& report);
  absl::Status Explain(const std::string& what);

  const Settings settings_;
  Random random_;
  int port_ = 0;
  ServerProcess server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace lumen::quickstart
