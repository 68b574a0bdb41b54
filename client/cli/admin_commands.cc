#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/json.h"
#include "client/cli/long_step.h"
#include "client/cli/message_json.h"
#include "client/cli/online_commands.h"
#include "client/cli/text_table.h"

// lumen admin ...
namespace lumen::cli {
namespace {

// What was done: for people a line of talk, for programs an object.
int Done(Session& session, const std::string& format, const Json& object, const std::string& what) {
  if (format == "json") {
    session.out().Write(object.dump() + "\n");
  } else {
    session.talk().Note(what);
  }
  return session.Finish();
}

// `call`'s answer, which may take long.
template <typename Call>
auto Await(Session& session, const std::string& what, const std::string& format, const Call& call) {
  const LongStep step(session.talk(), what, format);
  return call();
}

int Flush(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  const absl::Status flushed =
      Await(session, "flushing", format, [&] { return session.admin().Flush(); });
  if (!flushed.ok()) return session.Fail(flushed);
  return Done(session, format, {{"flushed", true}}, "flushed");
}

int Compact(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  const absl::Status compacted =
      Await(session, "compacting", format, [&] { return session.admin().Compact(); });
  if (!compacted.ok()) return session.Fail(compacted);
  return Done(session, format, {{"compacted", true}}, "compacted");
}

int Checkpoint(Session& session, const std::string& name, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  v1::CheckpointRequest request;
  request.set_name(name);
  const auto response = Await(session, "making the checkpoint", format,
                              [&] { return session.admin().Checkpoint(request); });
  if (!response.ok()) return session.Fail(response.status());
  session.out().Write(format == "json" ? MessageToJson(*response, false) + "\n"
                                       : response->directory() + "\n");
  return session.Finish();
}

int SetLogLevel(Session& session, const std::string& level, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  v1::SetLogLevelRequest request;
  request.set_level(level);
  const auto response = session.admin().SetLogLevel(request);
  if (!response.ok()) return session.Fail(response.status());
  return Done(session, format, {{"level", level}, {"previous_level", response->previous_level()}},
              absl::StrCat("log level ", level, ", was ", response->previous_level()));
}

int Config(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  const auto config = session.admin().GetConfig();
  if (!config.ok()) return session.Fail(config.status());
  if (format == "json") {
    session.out().Write(MessageToJson(*config, true) + "\n");
    return session.Finish();
  }
  TextTable table({false, false, false});
  table.Add({"SETTING", "VALUE", "FROM"});
  for (const v1::ConfigValue& value : config->values()) {
    table.Add({value.name(), ToText(value.value()), value.source()});
  }
  session.out().Write(table.Render());
  return session.Finish();
}

std::string Progress(const v1::VerifyResponse& at) {
  return absl::StrCat("verifying: ", WithCommas(at.tables_done()), " of ",
                      WithCommas(at.tables_total()), " tables, ", RoundedBytes(at.bytes_done()),
                      " of ", RoundedBytes(at.bytes_total()));
}

int ReportVerified(Session& session, const v1::VerifyResponse& all, const std::string& format) {
  if (format == "json") {
    session.out().Write(MessageToJson(all, true) + "\n");
  } else {
    for (const std::string& corruption : all.corruptions()) {
      session.out().Write(ToText(corruption) + "\n");
    }
    session.out().Write(absl::StrCat(
        WithCommas(all.tables_done()), " tables, ", RoundedBytes(all.bytes_done()), ": ",
        all.corruptions().empty() ? "no corruption"
                                  : absl::StrCat(all.corruptions_size(), " corrupt"),
        "\n"));
  }
  return session.Finish(all.corruptions().empty() ? kExitOk : kExitCorruption);
}

int Verify(Session& session, const std::string& format) {
  if (const auto failed = session.Connect()) return *failed;
  // The last message, with the corruptions of all.
  v1::VerifyResponse all;
  const absl::Status verified = session.admin().Verify([&](const v1::VerifyResponse& message) {
    v1::VerifyResponse next = message;
    next.mutable_corruptions()->Swap(all.mutable_corruptions());
    next.mutable_corruptions()->MergeFrom(message.corruptions());
    all = std::move(next);
    session.talk().ShowProgress(Progress(all));
    return true;
  });
  if (verified.ok() && all.done()) return ReportVerified(session, all, format);
  // What was found stays found.
  for (const std::string& corruption : all.corruptions()) {
    session.out().Write(ToText(corruption) + "\n");
  }
  const std::string how_far = absl::StrCat(all.tables_done(), " of ", all.tables_total(),
                                           " tables, ", all.corruptions_size(), " corrupt");
  if (!verified.ok()) return session.Stop(verified, "interrupted after " + how_far);
  return session.Fail(absl::InternalError("the server stopped after " + how_far));
}

using Run = int (*)(Session& session, const std::string& format);

void Add(OnlineCommands& commands, CLI::App& admin, const OnlineCommands::Description& description,
         Run run) {
  auto format = std::make_shared<std::string>();
  CLI::App* command = commands.Add(admin, "Commands", description, [run, format](Session& session) {
    return run(session, *format);
  });
  AddFormat(*command, *format, "text|json");
}

void AddCheckpoint(OnlineCommands& commands, CLI::App& admin) {
  auto name = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  CLI::App* checkpoint = commands.Add(
      admin, "Commands",
      {.name = "checkpoint",
       .summary = "Make a consistent copy of hard links on the server, and print where",
       .examples = "  lumen admin checkpoint before-upgrade\n"
                   "  lumen admin checkpoint nightly-$(date +%F)\n"
                   "  tar cz $(lumen admin checkpoint now) > backup.tgz    (on the same machine)",
       .takes_its_time = true},
      [name, format](Session& session) { return Checkpoint(session, *name, *format); });
  checkpoint->add_option("NAME", *name, "Of letters, digits, '.', '_' and '-'")->required();
  AddFormat(*checkpoint, *format, "text|json");
}

void AddLogLevel(OnlineCommands& commands, CLI::App& admin) {
  auto level = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>();
  CLI::App* log_level = commands.Add(
      admin, "Commands",
      {.name = "log-level",
       .summary = "Change what the server logs, until its next start",
       .examples = "  lumen admin log-level debug\n"
                   "  lumen admin log-level info --server db:50051\n"
                   "  lumen admin log-level off"},
      [level, format](Session& session) { return SetLogLevel(session, *level, *format); });
  log_level->add_option("LEVEL", *level, "trace, debug, info, warn, error or off")
      ->required()
      ->type_name("trace|debug|info|warn|error|off");
  AddFormat(*log_level, *format, "text|json");
}

}  // namespace

void AddAdminCommands(OnlineCommands& commands) {
  CLI::App& admin = *commands.app()
                         .add_subcommand("admin", "Look after a running server")
                         ->group(kOperationGroup)
                         ->require_subcommand(1);
  admin.footer(
      "Examples:\n"
      "  lumen admin verify\n"
      "  lumen admin checkpoint before-upgrade\n"
      "  lumen admin config");
  Add(commands, admin,
      {.name = "flush",
       .summary = "Write everything that is in memory to tables",
       .examples = "  lumen admin flush\n"
                   "  lumen admin flush --timeout 1m\n"
                   "  lumen admin flush && lumen admin checkpoint flushed",
       .takes_its_time = true},
      Flush);
  Add(commands, admin,
      {.name = "compact",
       .summary = "Merge all tables into the last level",
       .examples = "  lumen admin compact\n"
                   "  lumen admin compact --timeout 1h\n"
                   "  lumen admin compact && lumen status",
       .takes_its_time = true},
      Compact);
  AddCheckpoint(commands, admin);
  Add(commands, admin,
      {.name = "verify",
       .summary = "Read every byte of every table and check it: exit 5 when one is corrupt",
       .examples = "  lumen admin verify\n"
                   "  lumen admin verify -o json\n"
                   "  lumen admin verify || mail -s 'lumen: corruption' ops"},
      Verify);
  AddLogLevel(commands, admin);
  Add(commands, admin,
      {.name = "config",
       .summary = "Show the server's settings, and where each comes from",
       .examples = "  lumen admin config\n"
                   "  lumen admin config -o json\n"
                   "  lumen admin config | grep -v default"},
      Config);
}

}  // namespace lumen::cli
