// lumen-conformance: does a server do what proto/ says? One line for each sentence.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/quantity.h"
#include "engine/base/status.h"
#include "proptests/conformance/rows.h"
#include "proptests/conformance/target.h"

namespace lumen::conformance {
namespace {

enum ExitCode : int { kConforms = 0, kDoesNot = 1, kUsage = 2, kCannotConnect = 3 };

struct Arguments {
  std::string server;
  std::vector<std::string> only;
  bool list = false;
  bool checkpoint = false;
  // Empty: what the server tells.
  std::string max_key;
  std::string max_value;
  std::string max_batch_bytes;
  std::string max_batch_operations;
};

absl::Status OverrideLimits(const Arguments& arguments, Limits& limits) {
  struct Size {
    const std::string& text;
    uint64_t& to;
  };
  for (const Size& size :
       {Size{arguments.max_key, limits.key_bytes}, Size{arguments.max_value, limits.value_bytes},
        Size{arguments.max_batch_bytes, limits.batch_bytes}}) {
    if (size.text.empty()) continue;
    ASSIGN_OR_RETURN(size.to, ParseBytes(size.text));
  }
  const std::string& operations = arguments.max_batch_operations;
  if (operations.empty() || absl::SimpleAtoi(operations, &limits.batch_operations)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("'", operations, "' is not a number"));
}

std::vector<Row> AllRows() {
  std::vector<Row> all;
  for (const auto& part :
       {PointRows(), WriteRows(), ScanRows(), ServiceRows(), LimitRows(), ErrorRows()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

bool IsChosen(const Row& row, const Arguments& arguments) {
  const std::string_view id = row.id;
  if (id == "admin.checkpoint" && !arguments.checkpoint && !arguments.list) return false;
  return arguments.only.empty() ||
         std::any_of(arguments.only.begin(), arguments.only.end(),
                     [id](const std::string& wanted) { return id.starts_with(wanted); });
}

std::vector<Row> ChosenRows(const Arguments& arguments) {
  std::vector<Row> rows = AllRows();
  std::erase_if(rows, [&](const Row& row) { return !IsChosen(row, arguments); });
  return rows;
}

// Two runs on one server do not meet each other's keys.
std::string RunName() {
  return absl::StrCat(std::chrono::system_clock::now().time_since_epoch().count(), "-", getpid());
}

bool Holds(const Row& row, Target& target, const std::string& run) {
  Session session(target, run, row.id);
  row.check(session);
  const std::vector<std::string> complaints = session.complaints();
  std::printf(
      "%s  %-28s %s%s\n", complaints.empty() ? "pass" : "FAIL", row.id, row.sentence,
      complaints.empty() ? "" : absl::StrCat(": ", absl::StrJoin(complaints, "; ")).c_str());
  std::fflush(stdout);
  return complaints.empty();
}

ExitCode Judge(const std::vector<Row>& rows, Target& target) {
  const std::string run = RunName();
  size_t passed = 0;
  for (const Row& row : rows) passed += Holds(row, target, run) ? 1 : 0;
  std::printf("%zu rows: %zu passed, %zu failed\n", rows.size(), passed, rows.size() - passed);
  return passed == rows.size() ? kConforms : kDoesNot;
}

ExitCode Complain(const absl::Status& status, ExitCode code) {
  std::fputs(absl::StrCat("lumen-conformance: ", status.message(), "\n").c_str(), stderr);
  return code;
}

ExitCode Run(const Arguments& arguments) {
  const std::vector<Row> rows = ChosenRows(arguments);
  if (rows.empty()) {
    std::fputs("lumen-conformance: --only chooses no row; --list shows them\n", stderr);
    return kUsage;
  }
  if (arguments.list) {
    for (const Row& row : rows) std::printf("%-28s %s\n", row.id, row.sentence);
    return kConforms;
  }
  absl::StatusOr<Target> target = Connect(arguments.server);
  absl::Status ready = target.status();
  if (ready.ok()) ready = AskLimits(*target);
  if (!ready.ok()) return Complain(ready, kCannotConnect);
  if (const absl::Status bad = OverrideLimits(arguments, target->limits); !bad.ok()) {
    return Complain(bad, kUsage);
  }
  return Judge(rows, *target);
}

}  // namespace
}  // namespace lumen::conformance

int main(int argc, char** argv) {
  using lumen::conformance::Arguments;
  CLI::App app(
      "Checks, sentence by sentence, that a server does what proto/ says. Writes keys that begin\n"
      "with \"conformance/\" (and a few that begin with \\xff) into it, and removes the large "
      "ones.\n"
      "Limits are those that lumen.v1.Admin/GetConfig tells, else the defaults of the protos.\n"
      "Exit codes: 0 every row holds, 1 one does not, 2 usage, 3 cannot connect.",
      "lumen-conformance");
  Arguments arguments;
  auto* server = app.add_option("--server", arguments.server, "host:port or unix:path");
  app.add_option("--only", arguments.only, "Rows whose id begins so; may be given more than once");
  app.add_flag("--list", arguments.list, "Show the rows, ask nobody")->excludes(server);
  app.add_flag("--checkpoint", arguments.checkpoint,
               "Also make a checkpoint, which stays in the server's data directory");
  const std::string instead = "Instead of what the server tells; a size such as 64KiB";
  app.add_option("--max-key", arguments.max_key, instead);
  app.add_option("--max-value", arguments.max_value, instead);
  app.add_option("--max-batch-bytes", arguments.max_batch_bytes, instead);
  app.add_option("--max-batch-operations", arguments.max_batch_operations,
                 "Instead of what the server tells");
  try {
    app.parse(argc, argv);
    if (!arguments.list && arguments.server.empty()) throw CLI::RequiredError("--server");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : lumen::conformance::kUsage;
  }
  return lumen::conformance::Run(arguments);
}
