#include "bench/contestant.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "bench/latency.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

constexpr int kConnections = 4;
constexpr int64_t kStartTimeoutMs = 20'000;

absl::Status WaitUntilServing(Contestant& contestant, const Load& probe) {
  const int64_t deadline_ns = NowNanos() + kStartTimeoutMs * 1'000'000;
  absl::Status last = absl::DeadlineExceededError("no connection");
  while (NowNanos() < deadline_ns && contestant.process->running()) {
    if (!contestant.single->WaitUntilConnected(100)) continue;
    last = contestant.single->Run(probe).status();
    if (last.ok() && contestant.several->WaitUntilConnected(kStartTimeoutMs)) return last;
  }
  return last;
}

}  // namespace

absl::StatusOr<std::string> FreeAddress() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return absl::InternalError(absl::StrCat("socket: ", std::strerror(errno)));
  const absl::Cleanup close_probe = [probe] { close(probe); };
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<struct sockaddr*>(&address);
  if (bind(probe, generic, length) != 0 || getsockname(probe, generic, &length) != 0) {
    return absl::InternalError(absl::StrCat("bind: ", std::strerror(errno)));
  }
  return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
}

std::vector<std::string> ServerCommand(const Settings& settings, const std::string& program,
                                       const std::vector<std::string>& arguments) {
  std::vector<std::string> command = settings.server_prefix;
  command.push_back(absl::StrCat(settings.program_folder, "/", program));
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

absl::StatusOr<Contestant> StartContestant(std::vector<std::string> command,
                                           const std::string& log_path, const Load& probe) {
  Contestant contestant;
  ASSIGN_OR_RETURN(contestant.address, FreeAddress());
  for (std::string& word : command) {
    if (word == "{address}") word = contestant.address;
  }
  ASSIGN_OR_RETURN(contestant.process, ChildProcess::Start(command, log_path));
  contestant.single = std::make_unique<AsyncClient>(contestant.address, 1);
  contestant.several = std::make_unique<AsyncClient>(contestant.address, kConnections);
  const absl::Status serving = WaitUntilServing(contestant, probe);
  if (serving.ok()) return contestant;
  return absl::InternalError(
      absl::StrCat(command[0], " does not serve (", log_path, "): ", serving.ToString()));
}

}  // namespace lumen::bench
