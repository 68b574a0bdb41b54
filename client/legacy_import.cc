#include "client/legacy_import.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/offline/legacy_log.h"
#include "engine/base/status.h"
#include "engine/engine.h"

namespace lumen {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr uint32_t kBatchOperations = 1000;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteOne(Engine& engine, WriteBatch& batch) {
  const absl::Status written = engine.Write(batch, {.durability = Durability::kAsync}).status();
  batch.Clear();
  return written;
}

// The first `good_bytes` of the log.
absl::Status WriteRecords(FileSystem& files, const LegacyImportOptions& options,
                          uint64_t good_bytes, Engine& engine) {
  ASSIGN_OR_RETURN(LegacyLog log, LegacyLog::Open(files, options.log));
  WriteBatch batch;
  while (log.offset() < good_bytes) {
    ASSIGN_OR_RETURN(const std::optional<LegacyLog::Record> record, log.Next());
    if (!record) return absl::AbortedError(options.log + ": changed while it was imported");
    if (record->kind == EntryKind::kPut) {
      batch.Put(record->key, record->value);
    } else {
      batch.Delete(record->key);
    }
    if (batch.user_bytes() < kBatchBytes && batch.count() < kBatchOperations) continue;
    RETURN_IF_ERROR(WriteOne(engine, batch));
    if (options.progress) options.progress("importing", log.offset(), good_bytes);
  }
  return batch.empty() ? absl::OkStatus() : WriteOne(engine, batch);
}

absl::StatusOr<uint64_t> CountKeys(Engine& engine) {
  uint64_t count = 0;
  const std::unique_ptr<Iterator> keys = engine.NewIterator({});
  for (keys->SeekToFirst(); keys->valid(); keys->Next()) ++count;
  RETURN_IF_ERROR(keys->status());
  return count;
}

// Of Open: a lock that is held is a server's.
absl::Status Advised(const absl::Status& error) {
  if (!absl::IsFailedPrecondition(error) || !absl::StrContains(error.message(), "/LOCK: ")) {
    return error;
  }
  return absl::FailedPreconditionError(absl::StrCat(error.message(), "; stop the server first"));
}

}  // namespace

LegacyImport::LegacyImport(const Environment& environment, LegacyImportOptions options)
    : environment_(environment),
      files_(environment.file_system),
      options_(std::move(options)),
      directory_(options_.directory) {
  while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
}

absl::Status LegacyImport::Run() {
  RETURN_IF_ERROR(ReadLog());
  if (!survey_.damage.ok() && !options_.good_prefix) return survey_.damage;
  if (!options_.into_existing) return MakeNew();
  state_ = State::kPartial;
  return Write(directory_);
}

absl::Status LegacyImport::ReadLog() {
  ASSIGN_OR_RETURN(LegacyLog log, LegacyLog::Open(files_, options_.log));
  survey_.file_bytes = log.file_bytes();
  while (true) {
    absl::StatusOr<std::optional<LegacyLog::Record>> record = log.Next();
    if (absl::IsDataLoss(record.status())) {
      survey_.damage = record.status();
      break;
    }
    RETURN_IF_ERROR(record.status());
    if (!record->has_value()) break;
    ++((*record)->kind == EntryKind::kPut ? survey_.puts : survey_.deletes);
    if (options_.progress) options_.progress("reading", log.offset(), log.file_bytes());
  }
  survey_.good_bytes = log.offset();
  survey_.torn = log.torn();
  return absl::OkStatus();
}

absl::Status LegacyImport::MakeNew() {
  RETURN_IF_ERROR(CheckTarget());
  ASSIGN_OR_RETURN(const bool leftover, files_.Exists(temporary()));
  if (leftover) {
    return absl::FailedPreconditionError(absl::StrCat(
        temporary(), ": is there, from an import that was cut short; remove it and try again"));
  }
  state_ = State::kLeftover;
  absl::Status status = Write(temporary());
  // Everything in it is durable; its name becomes so by the sync of the directory it is in.
  if (status.ok() && target_exists_) status = files_.RemoveDirectory(directory_);
  if (status.ok()) status = files_.Rename(temporary(), directory_);
  if (!status.ok()) {
    RemoveTemporary();
    return status;
  }
  state_ = State::kNamed;
  return files_.SyncDirectory(ParentOf(directory_));
}

absl::Status LegacyImport::CheckTarget() {
  ASSIGN_OR_RETURN(target_exists_, files_.Exists(directory_));
  if (!target_exists_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(directory_));
  if (names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory_, ": is not empty; --into-existing writes on top of what it holds"));
}

absl::Status LegacyImport::Write(const std::string& directory) {
  Options options = options_.engine;
  options.lock_owner = absl::StrCat("lumen import-legacy, pid ", getpid());
  const absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::Open(options, directory, environment_);
  if (!engine.ok()) return Advised(engine.status());
  RETURN_IF_ERROR(WriteRecords(files_, options_, survey_.good_bytes, **engine));
  ASSIGN_OR_RETURN(keys_, CountKeys(**engine));
  // Everything before it was written without a sync: this makes all of it durable.
  return (*engine)->Close();
}

// The error is why it is removed; that it cannot be is told by state().
void LegacyImport::RemoveTemporary() {
  const auto names = files_.List(temporary());
  if (names.ok()) {
    for (const std::string& name : *names) {
      if (!files_.Remove(absl::StrCat(temporary(), "/", name)).ok()) return;
    }
    if (!files_.RemoveDirectory(temporary()).ok()) return;
  } else if (files_.Exists(temporary()).value_or(true)) {
    return;
  }
  state_ = State::kUntouched;
}

}  // namespace lumen
