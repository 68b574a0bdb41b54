#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/format_flag.h"
#include "client/cli/session.h"
#include "lumen/v1/kv.pb.h"

namespace lumen::cli {

// The commands of `lumen` that talk to a server. Each is added with what it does; the one that the
// command line names is run.
class OnlineCommands {
 public:
  using Command = std::function<int(Session& session)>;

  struct Description {
    std::string name;
    std::string summary;
    // Lines, three of them.
    std::string examples;
    // What it asks of the server may take as long as it takes: only a --timeout that is given
    // limits its answer.
    bool takes_its_time = false;
  };

  // Adds them all. `app` must outlive this, and this the run.
  explicit OnlineCommands(CLI::App& app);
  OnlineCommands(const OnlineCommands&) = delete;
  OnlineCommands& operator=(const OnlineCommands&) = delete;

  // After the command line was parsed. Empty: it names none of these.
  std::optional<int> Run();

  // Below `parent`, with the flags of the connection.
  CLI::App* Add(CLI::App& parent, const std::string& group, const Description& description,
                Command command);
  CLI::App& app() { return app_; }

 private:
  CLI::App& app_;
  ConnectionFlags connection_;
  Command chosen_;
};

// One file each: kv_commands.cc, scan_command.cc, ...
void AddKvCommands(OnlineCommands& commands);
void AddScanCommand(OnlineCommands& commands);
void AddBatchCommand(OnlineCommands& commands);
void AddImportCommand(OnlineCommands& commands);
void AddExportCommand(OnlineCommands& commands);
void AddHealthAndStatus(OnlineCommands& commands);
void AddAdminCommands(OnlineCommands& commands);

inline constexpr char kDataGroup[] = "Data";
inline constexpr char kOperationGroup[] = "Operation";

// "--async".
void AddAsync(CLI::App& command, bool& async);
v1::Durability DurabilityOf(bool async);

// Why a write was not applied, for people.
std::string DescribeUnmet(const v1::Precondition& condition, const v1::GetResponse& current);

// The line of --help and of the manual.
inline constexpr char kBytesHelp[] = "text, or base64:... for any bytes";

}  // namespace lumen::cli
