#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/async_client.h"
#include "bench/child_process.h"
#include "bench/settings.h"

namespace lumen::bench {

// A server in a process of its own on a free port, and its clients: one with one connection for
// sequential calls, one with four.
struct Contestant {
  std::string address;
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<AsyncClient> single;
  std::unique_ptr<AsyncClient> several;
};

// The command of a server: `program` beside this one, behind the prefix that was asked for.
std::vector<std::string> ServerCommand(const Settings& settings, const std::string& program,
                                       const std::vector<std::string>& arguments);

// Starts `command` with the address put where it says "{address}", and returns once `probe` is
// answered without an error: connected is not serving, a server that opens its port first answers
// UNAVAILABLE until it has recovered. Output goes to `log_path`.
absl::StatusOr<Contestant> StartContestant(std::vector<std::string> command,
                                           const std::string& log_path, const Load& probe);

// A port of the loopback interface that was free a moment ago.
absl::StatusOr<std::string> FreeAddress();

}  // namespace lumen::bench
