#include "client/offline/import_legacy_command.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/exit_codes.h"
#include "client/offline/legacy_log.h"
#include "client/offline/report.h"
#include "engine/base/status.h"
#include "engine/engine.h"

namespace lumen {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr uint32_t kBatchOperations = 1000;

struct Survey {
  uint64_t puts = 0;
  uint64_t deletes = 0;
  uint64_t good_bytes = 0;  // what follows is not imported
  uint64_t file_bytes = 0;
  bool torn = false;
  absl::Status damage;
};

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class Import {
 public:
  Import(const Environment& environment, const ImportLegacyArguments& arguments, std::FILE* talk)
      : environment_(environment),
        files_(environment.file_system),
        arguments_(arguments),
        talk_(talk),
        directory_(arguments.directory) {
    while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
  }

  absl::Status Run() {
    RETURN_IF_ERROR(ReadLog());
    if (!survey_.damage.ok() && !arguments_.good_prefix) return survey_.damage;
    if (arguments_.into_existing) return Write(directory_);
    RETURN_IF_ERROR(CheckTarget());
    const std::string temporary = directory_ + ".importing";
    ASSIGN_OR_RETURN(const bool leftover, files_.Exists(temporary));
    if (leftover) {
      return absl::FailedPreconditionError(absl::StrCat(
          temporary, ": is there, from an import that was cut short; remove it and try again"));
    }
    RETURN_IF_ERROR(Write(temporary));
    // Everything in it is durable; its name becomes so by the sync of the directory it is in.
    if (target_exists_) RETURN_IF_ERROR(files_.RemoveDirectory(directory_));
    RETURN_IF_ERROR(files_.Rename(temporary, directory_));
    return files_.SyncDirectory(ParentOf(directory_));
  }

  const Survey& survey() const { return survey_; }
  uint64_t keys() const { return keys_; }
  const std::string& directory() const { return directory_; }

 private:
  absl::Status ReadLog() {
    ASSIGN_OR_RETURN(LegacyLog log, LegacyLog::Open(files_, arguments_.log));
    survey_.file_bytes = log.file_bytes();
    Progress progress(talk_, "reading");
    while (true) {
      absl::StatusOr<std::optional<LegacyLog::Record>> record = log.Next();
      if (absl::IsDataLoss(record.status())) {
        survey_.damage = record.status();
        break;
      }
      RETURN_IF_ERROR(record.status());
      if (!record->has_value()) break;
      ++((*record)->kind == EntryKind::kPut ? survey_.puts : survey_.deletes);
      progress.Show(log.offset(), log.file_bytes());
    }
    survey_.good_bytes = log.offset();
    survey_.torn = log.torn();
    return absl::OkStatus();
  }

  absl::Status CheckTarget() {
    ASSIGN_OR_RETURN(target_exists_, files_.Exists(directory_));
    if (!target_exists_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(directory_));
    if (names.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(directory_, ": is not empty; --into-existing writes on top of what it holds"));
  }

  absl::Status Write(const std::string& directory) {
    Options options;
    options.lock_owner = absl::StrCat("lumen import-legacy, pid ", getpid());
    ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                     Engine::Open(options, directory, environment_));
    RETURN_IF_ERROR(WriteRecords(*engine));
    RETURN_IF_ERROR(CountKeys(*engine));
    // Everything before it was written without a sync: this makes all of it durable.
    return engine->Close();
  }

  absl::Status WriteRecords(Engine& engine) {
    ASSIGN_OR_RETURN(LegacyLog log, LegacyLog::Open(files_, arguments_.log));
    Progress progress(talk_, "importing");
    WriteBatch batch;
    while (log.offset() < survey_.good_bytes) {
      ASSIGN_OR_RETURN(const std::optional<LegacyLog::Record> record, log.Next());
      if (!record) return absl::AbortedError(arguments_.log + ": changed while it was imported");
      if (record->kind == EntryKind::kPut) {
        batch.Put(record->key, record->value);
      } else {
        batch.Delete(record->key);
      }
      if (batch.user_bytes() < kBatchBytes && batch.count() < kBatchOperations) continue;
      RETURN_IF_ERROR(WriteOne(engine, batch));
      progress.Show(log.offset(), survey_.good_bytes);
    }
    return batch.empty() ? absl::OkStatus() : WriteOne(engine, batch);
  }

  static absl::Status WriteOne(Engine& engine, WriteBatch& batch) {
    const absl::Status written = engine.Write(batch, {.durability = Durability::kAsync}).status();
    batch.Clear();
    return written;
  }

  absl::Status CountKeys(Engine& engine) {
    const std::unique_ptr<Iterator> keys = engine.NewIterator({});
    for (keys->SeekToFirst(); keys->valid(); keys->Next()) ++keys_;
    return keys->status();
  }

  const Environment& environment_;
  FileSystem& files_;
  const ImportLegacyArguments& arguments_;
  std::FILE* const talk_;
  std::string directory_;
  bool target_exists_ = false;
  Survey survey_;
  uint64_t keys_ = 0;
};

void Show(const Import& import, const std::string& log, Output& output) {
  const Survey& survey = import.survey();
  const uint64_t dropped = survey.file_bytes - survey.good_bytes;
  if (survey.torn) {
    output.Line(absl::StrCat(log, ": torn tail at offset ", survey.good_bytes, ": ", dropped,
                             " bytes of a last record that was never finished, not imported"));
  }
  if (!survey.damage.ok()) {
    output.Line(absl::StrCat("not imported: ", dropped,
                             " bytes from the damage on: ", std::string(survey.damage.message())));
  }
  output.Line(absl::StrCat("imported ", survey.puts + survey.deletes, " records of ", log, " (",
                           survey.puts, " puts, ", survey.deletes, " deletes): ", import.keys(),
                           " keys in ", import.directory()));
  output.Record(JsonObject()
                    .Add("type", "summary")
                    .Add("puts", survey.puts)
                    .Add("deletes", survey.deletes)
                    .Add("keys", import.keys())
                    .Add("torn", survey.torn)
                    .Add("damage", std::string(survey.damage.message()))
                    .Add("imported_bytes", survey.good_bytes)
                    .Add("dropped_bytes", dropped));
}

}  // namespace

int ImportLegacyCommand(const Environment& environment, const ImportLegacyArguments& arguments,
                        std::FILE* out, std::FILE* talk) {
  Import import(environment, arguments, talk);
  const absl::Status imported = import.Run();
  if (!imported.ok()) {
    const int code = Complain(imported, talk);
    if (import.survey().damage.ok() || arguments.good_prefix) return code;
    PrintLine(talk, absl::StrCat("lumen: nothing was imported; --good-prefix imports the ",
                                 import.survey().puts + import.survey().deletes,
                                 " records before the damage"));
    return code;
  }
  Output output(arguments.format, out);
  Show(import, arguments.log, output);
  return kExitOk;
}

}  // namespace lumen
