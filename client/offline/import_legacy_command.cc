#include "client/offline/import_legacy_command.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/findings.h"
#include "client/offline/ending.h"
#include "client/offline/progress.h"

namespace lumen {
namespace {

using cli::Findings;
using cli::JsonOfMessage;

// Shows the progress of one phase after the other.
class Phases {
 public:
  explicit Phases(cli::Talk& talk) : talk_(talk) {}

  void Show(std::string_view phase, uint64_t done, uint64_t total) {
    if (phase != phase_) shown_.emplace(talk_, phase_ = phase);
    shown_->Show(done, total);
  }

 private:
  cli::Talk& talk_;
  std::string phase_;
  std::optional<Progress> shown_;
};

void Show(const LegacyImport& import, const std::string& log, Findings& output) {
  const LegacyImport::Survey& survey = import.survey();
  const uint64_t dropped = survey.file_bytes - survey.good_bytes;
  if (survey.torn) {
    output.Line(absl::StrCat(log, ": torn tail at offset ", survey.good_bytes, ": ", dropped,
                             " bytes of a last record that was never finished, not imported"));
  }
  if (!survey.damage.ok()) {
    output.Line(absl::StrCat("not imported: ", dropped,
                             " bytes from the damage on: ", survey.damage.message()));
  }
  output.Line(absl::StrCat("imported ", survey.puts + survey.deletes, " records of ", log, " (",
                           survey.puts, " puts, ", survey.deletes, " deletes): ", import.keys(),
                           " keys in ", import.directory()));
  output.Record({{"type", "summary"},
                 {"puts", survey.puts},
                 {"deletes", survey.deletes},
                 {"keys", import.keys()},
                 {"torn", survey.torn},
                 {"damage", JsonOfMessage(survey.damage)},
                 {"imported_bytes", survey.good_bytes},
                 {"dropped_bytes", dropped}});
  output.End();
}

constexpr char kPartial[] =
    "holds a part of the log on top of what it held; the same command again imports all of it";

std::string WhatIsLeft(const LegacyImport& import) {
  switch (import.state()) {
    case LegacyImport::State::kUntouched:
      return "nothing was imported";
    case LegacyImport::State::kLeftover:
      return absl::StrCat("nothing was imported; remove ", import.temporary(), " and try again");
    case LegacyImport::State::kPartial:
      return absl::StrCat(import.directory(), " ", kPartial);
    case LegacyImport::State::kNamed:
      return absl::StrCat("all is in ", import.directory(),
                          ", but a power loss may still take that name away");
  }
  return "";
}

// Nothing can be removed any more then.
std::string LastWords(const LegacyImport& import, bool into_existing) {
  if (into_existing) return absl::StrCat("interrupted; ", import.directory(), " ", kPartial);
  return absl::StrCat("interrupted; if ", import.directory(), " is there, all was imported; if ",
                      import.temporary(), " is, nothing was: remove it and try again");
}

}  // namespace

int ImportLegacyCommand(const Environment& environment, LegacyImportOptions options,
                        const std::string& format, cli::Console& console) {
  std::optional<Phases> phases(console.talk());
  options.progress = [&](std::string_view phase, uint64_t done, uint64_t total) {
    phases->Show(phase, done, total);
  };
  LegacyImport import(environment, options);
  console.interruption().SetLastWords(LastWords(import, options.into_existing));
  const absl::Status imported = import.Run();
  phases.reset();
  if (imported.ok()) {
    Findings output(format, console.out());
    Show(import, options.log, output);
    return console.Finish();
  }
  const int code = EndEarly(console, imported, "interrupted; " + WhatIsLeft(import));
  if (console.interruption().exit_code() != 0) return code;
  if (!import.survey().damage.ok() && !options.good_prefix) {
    const uint64_t good = import.survey().puts + import.survey().deletes;
    console.talk().Complain(good == 0
                                ? absl::StrCat("nothing was imported: no record is good; is ",
                                               options.log, " a wal.log of the original program?")
                                : absl::StrCat("nothing was imported; --good-prefix imports the ",
                                               good, " records before the damage"));
  } else if (import.state() != LegacyImport::State::kUntouched) {
    console.talk().Complain(WhatIsLeft(import));
  }
  return code;
}

}  // namespace lumen
