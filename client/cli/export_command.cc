#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "client/cli/bytes_text.h"
#include "client/cli/json.h"
#include "client/cli/online_commands.h"
#include "client/cli/output_file.h"
#include "client/cli/rate.h"
#include "engine/posix_environment.h"

// lumen export.
namespace lumen::cli {
namespace {

struct ExportFlags {
  std::string file = "-";
  std::string prefix;
  std::string format;
};

// Scans into `write` until the end, or until it is false: nobody takes it.
absl::Status ExportTo(Session& session, const v1::ScanRequest& request,
                      const std::function<bool(std::string_view)>& write, Rate& rate) {
  return session.kv().Scan(request, [&](const v1::ScanResponse& message) {
    uint64_t bytes = 0;
    for (const auto& entry : message.entries()) {
      if (!write(EntryJson(entry.key(), entry.value(), std::nullopt) + "\n")) return false;
      bytes += entry.key().size() + entry.value().size();
    }
    rate.Add(static_cast<uint64_t>(message.entries_size()), bytes);
    rate.Show();
    return true;
  });
}

int ExportToStandardOutput(Session& session, const v1::ScanRequest& request) {
  Rate rate(session.talk(), "exported");
  const absl::Status scanned = ExportTo(
      session, request, [&](std::string_view bytes) { return session.out().Write(bytes); }, rate);
  if (!scanned.ok()) return session.Stop(scanned, "interrupted; " + rate.Summary());
  const int code = session.Finish();
  if (code == kExitOk && !session.out().reader_left()) session.talk().Note(rate.Summary());
  return code;
}

// All or nothing: an export that ends early leaves what was there before.
int ExportToFile(Session& session, const v1::ScanRequest& request, const std::string& path,
                 const std::string& format) {
  PosixEnvironment posix;
  OutputFile file(posix.environment().file_system, path);
  if (const absl::Status opened = file.Open(); !opened.ok()) {
    return session.Refuse(std::string(opened.message()));
  }
  const std::string as_it_was = absl::StrCat("interrupted; ", path, " is as it was");
  session.interruption().SetLastWords(
      absl::StrCat(as_it_was, "; ", file.temporary_path(), " may be left"));
  Rate rate(session.talk(), "exported");
  const absl::Status scanned = ExportTo(
      session, request, [&](std::string_view bytes) { return file.Write(bytes); }, rate);
  if (!scanned.ok()) {
    return session.Stop(scanned, as_it_was);
  }
  session.interruption().SetLastWords(
      absl::StrCat("interrupted; ", path, " is as it was, or whole"));
  if (const absl::Status kept = file.Keep(); !kept.ok()) return session.Fail(kept);
  if (format == "json") {
    const Json object = {
        {"entries", rate.entries()}, {"bytes", rate.bytes()}, {"seconds", rate.Seconds()}};
    session.out().Write(object.dump() + "\n");
  } else {
    session.talk().Note(rate.Summary());
  }
  return session.Finish();
}

int Export(Session& session, const ExportFlags& flags) {
  const auto prefix = FromText(flags.prefix);
  if (!prefix.ok()) return session.Refuse("--prefix: " + std::string(prefix.status().message()));
  if (flags.file == "-" && flags.format == "json") {
    return session.Refuse("-o json needs a FILE: the entries themselves go to standard output");
  }
  if (const auto failed = session.Connect()) return *failed;
  v1::ScanRequest request;
  request.set_prefix(*prefix);
  return flags.file == "-" ? ExportToStandardOutput(session, request)
                           : ExportToFile(session, request, flags.file, flags.format);
}

}  // namespace

void AddExportCommand(OnlineCommands& commands) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command =
      commands.Add(commands.app(), kDataGroup,
                   {.name = "export",
                    .summary = "Write all entries of one moment to a file, for import",
                    .examples = ""},
                   [flags](Session& session) { return Export(session, *flags); });
  command->footer(
      R"(Each line is a JSON object {"key":"k","value":"v"}; bytes that are no UTF-8
are {"base64":"..."}. FILE appears, or is replaced, only once everything
is in it and on the disk.

Examples:
  lumen export backup.jsonl
  lumen export | gzip > backup.jsonl.gz
  lumen export --prefix user/ users.jsonl)");
  command->add_option("FILE", flags->file, "Where to; - for standard output [default -]");
  command
      ->add_option("--prefix", flags->prefix,
                   absl::StrCat("Only keys that begin so: ", kBytesHelp, " [default all]"))
      ->type_name("PREFIX");
  AddFormat(*command, flags->format, "text|json");
}

}  // namespace lumen::cli
