#include <memory>
#include <string>

#include "client/cli/json.h"
#include "client/cli/message_json.h"
#include "client/cli/online_commands.h"
#include "client/cli/status_report.h"
#include "client/cli/talk.h"

// lumen health, status.
namespace lumen::cli {
namespace {

int Health(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  const absl::Status serving = session.connection().CheckServing();
  const bool answered = serving.ok() || serving.code() == absl::StatusCode::kFailedPrecondition;
  if (!answered) return session.Fail(serving);
  if (format == "json") {
    session.out().Write(Json{{"serving", serving.ok()}}.dump() + "\n");
  } else if (serving.ok()) {
    session.out().Write("serving\n");
  }
  return serving.ok() ? session.Finish() : session.Answer(std::string(serving.message()));
}

int Status(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  const auto status = session.admin().Status();
  if (!status.ok()) return session.Fail(status.status());
  session.out().Write(format == "json" ? MessageToJson(*status, true) + "\n"
                                       : StatusReport(*status, session.server(), MayColour(1)));
  return session.Finish();
}

}  // namespace

void AddHealthAndStatus(OnlineCommands& commands) {
  auto health_format = std::make_shared<std::string>();
  CLI::App* health = commands.Add(
      commands.app(), kOperationGroup,
      {.name = "health",
       .summary = "Say whether the server serves: exit 0 yes, 1 no, 3 cannot connect",
       .examples = "  lumen health\n"
                   "  lumen health --server db:50051 --timeout 1s && echo up\n"
                   "  HEALTHCHECK CMD [\"lumen\", \"health\"]        (a Dockerfile's)"},
      [health_format](Session& session) { return Health(session, *health_format); });
  AddFormat(*health, *health_format, "text|json");

  auto status_format = std::make_shared<std::string>();
  CLI::App* status =
      commands.Add(commands.app(), kOperationGroup,
                   {.name = "status",
                    .summary = "Show what the server is, has and does",
                    .examples = "  lumen status\n"
                                "  lumen status -o json | jq .compaction.debt_bytes\n"
                                "  watch -n 1 lumen status --server db:50051"},
                   [status_format](Session& session) { return Status(session, *status_format); });
  AddFormat(*status, *status_format, "text|json");
}

}  // namespace lumen::cli
