#include "engine/core/recovery.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/core/replay.h"
#include "engine/errno_status.h"
#include "engine/manifest/manifest_file.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

// A step-wise maker run to its end.
template <typename Maker>
absl::Status Complete(Maker& maker) {
  while (true) {
    ASSIGN_OR_RETURN(const bool finished, maker.Advance());
    if (finished) return absl::OkStatus();
  }
}

class Recovery {
 public:
  explicit Recovery(EngineContext& context) : context_(context), files_(context.files) {}

  absl::StatusOr<RecoveredDatabase> Run() {
    ASSIGN_OR_RETURN(names_, files_.List(context_.directory));
    if (const absl::Status status = RecoverOrCreate(); !status.ok()) {
      if (!current_attempted_) RemoveMadeSince(context_, names_);
      return absl::IsUnimplemented(status) ? OfNewerFormat(status) : status;
    }
    RemoveUnnamed();
    return std::move(database_);
  }

 private:
  absl::Status RecoverOrCreate() {
    if (InListing("CURRENT")) {
      RETURN_IF_ERROR(ReadDatabase());
    } else {
      RETURN_IF_ERROR(StartCreation());
    }
    return CommitOpen();
  }

  bool InListing(const std::string& name) const {
    return std::binary_search(names_.begin(), names_.end(), name);
  }

  // ---- a database that exists

  absl::Status ReadDatabase() {
    ManifestState& manifest = database_.manifest;
    ASSIGN_OR_RETURN(const std::string current, ReadWholeFile(files_, context_.Path("CURRENT")));
    const absl::StatusOr<uint64_t> named = DecodeCurrent(current);
    if (!named.ok()) return WithAdvice(named.status(), "");
    const uint64_t number = *named;
    const std::string manifest_path = context_.Path(ManifestFileName(number));
    absl::StatusOr<std::string> bytes = ReadWholeFile(files_, manifest_path);
    if (absl::IsNotFound(bytes.status())) {
      return absl::DataLossError(absl::StrCat(
          manifest_path, ": CURRENT names it, but it is missing; nothing was changed; ", Commands(),
          ", which may be nothing"));
    }
    RETURN_IF_ERROR(bytes.status());
    absl::StatusOr<ManifestState> read = ReadManifest(*bytes, number);
    if (absl::IsUnimplemented(read.status())) {
      return absl::UnimplementedError(
          absl::StrCat(context_.directory, "/", read.status().message()));
    }
    if (!read.ok()) {
      return WithAdvice(read.status(), absl::StrCat(" `lumen manifest dump ", manifest_path,
                                                    "` shows the edits;"));
    }
    manifest = *std::move(read);
    context_.epoch = manifest.epoch;
    UseNumbersAbove(manifest.next_file_number - 1);
    for (const std::string& name : names_) UseNumbersAbove(ParseFileName(name).number);

    RETURN_IF_ERROR(OpenTables());
    ASSIGN_OR_RETURN(ReplayOutcome replayed, ReplayWal(context_, manifest, names_));
    database_.next_sequence = replayed.plan.next_sequence;
    database_.report = {.bytes = replayed.bytes,
                        .operations = replayed.plan.operations,
                        .segments = replayed.plan.replay.size(),
                        .torn_tail = replayed.plan.torn_tail,
                        .torn_frames_discarded = replayed.plan.frames_discarded};
    for (TableRecord& record : replayed.tables) {
      ASSIGN_OR_RETURN(TablePtr table, context_.OpenTable(record));
      opened_.push_back(std::move(table));
      manifest.tables.push_back(std::move(record));
    }
    return absl::OkStatus();
  }

  absl::Status OpenTables() {
    for (const TableRecord& record : database_.manifest.tables) {
      absl::StatusOr<TablePtr> table = context_.OpenTable(record);
      if (absl::IsNotFound(table.status())) {
        return absl::DataLossError(absl::StrCat(
            context_.Path(TableFileName(record.number)),
            ": the manifest names this table, but it is missing; nothing was changed. Restore "
            "it from a backup; ",
            Commands()));
      }
      RETURN_IF_ERROR(table.status());
      opened_.push_back(*std::move(table));
    }
    return absl::OkStatus();
  }

  // The readers of CURRENT and manifests know bytes and a bare name.
  absl::Status WithAdvice(const absl::Status& status, const std::string& first_command) const {
    return absl::Status(status.code(), absl::StrCat(context_.directory, "/", status.message(), ";",
                                                    first_command, " ", Commands()));
  }
  // Nothing is damaged, so the commands that look for damage have nothing to say.
  static absl::Status OfNewerFormat(const absl::Status& status) {
    return absl::UnimplementedError(absl::StrCat(
        status.message(),
        "; nothing was changed. Use the newer lumen-server that wrote it, or restore a "
        "checkpoint from before"));
  }
  std::string Commands() const { return CommandsThatHelp(context_.directory); }

  void UseNumbersAbove(uint64_t used) {
    context_.next_file_number = std::max(context_.next_file_number.load(), used + 1);
  }

  // ---- no CURRENT

  // Nothing was ever acknowledged before CURRENT was durable, so an interrupted creation may be
  // thrown away; but a directory that holds data and has lost its CURRENT must not be taken for
  // one.
  absl::Status StartCreation() {
    for (const std::string& name : names_) {
      ASSIGN_OR_RETURN(const std::string evidence,
                       EvidenceOfData(files_, context_.directory, name));
      if (evidence.empty()) continue;
      return absl::DataLossError(absl::StrCat(
          context_.Path(name), ": ", evidence,
          ", but the directory has no CURRENT file, which names the manifest; "
          "nothing was changed. An older CURRENT names what is gone; `lumen repair ",
          context_.directory, "` finds what it named, and says first what would be lost"));
    }
    if (!context_.options.create_if_missing) {
      return absl::NotFoundError(
          absl::StrCat(context_.directory, ": holds no database, and none may be created"));
    }
    if (InListing(kNameInDoubt)) {
      context_.name_in_doubt = true;
      return absl::InternalError(absl::StrCat(
          context_.directory, ": its name may be lost in a power failure; remove the directory"));
    }
    bool removed = false;
    for (const std::string& name : names_) {
      const FileKind kind = ParseFileName(name).kind;
      if (kind != FileKind::kWal && kind != FileKind::kManifest && kind != FileKind::kTemporary)
        continue;
      RETURN_IF_ERROR(files_.Remove(context_.Path(name)));
      removed = true;
    }
    if (removed) RETURN_IF_ERROR(files_.SyncDirectory(context_.directory));
    RETURN_IF_ERROR(CreateDirectories(files_, context_.directory));
    context_.epoch = context_.env.random.Next64();
    database_.manifest.epoch = context_.epoch;
    database_.next_sequence = 1;
    return absl::OkStatus();
  }

  // ---- both

  absl::Status CommitOpen() {
    database_.version = MakeVersion();
    return CommitDatabase(context_, database_, current_attempted_);
  }

  VersionPtr MakeVersion() const {
    VersionEdit all;
    all.added = database_.manifest.tables;
    return ApplyEdit(Version(std::vector<Level>(Version::kLevels)), all, opened_);
  }

  void RemoveUnnamed() {
    const ManifestState& manifest = database_.manifest;
    for (const std::string& name : names_) {
      const auto [kind, number] = ParseFileName(name);
      bool named = true;
      switch (kind) {
        case FileKind::kWal:
          named = number >= manifest.wal_floor;
          break;
        case FileKind::kManifest:
          named = number == manifest.manifest_number;
          break;
        case FileKind::kTable:
          named =
              std::any_of(manifest.tables.begin(), manifest.tables.end(),
                          [n = number](const TableRecord& record) { return record.number == n; });
          break;
        case FileKind::kTemporary:
          named = name == "CURRENT.tmp";  // renamed away by now
          break;
        case FileKind::kCurrent:
        case FileKind::kLock:
        case FileKind::kUnknown:
          break;
      }
      // The next Open tries again.
      if (!named) files_.Remove(context_.Path(name)).IgnoreError();
    }
  }

  EngineContext& context_;
  FileSystem& files_;
  std::vector<std::string> names_;  // in the directory before Open changed it, sorted
  bool current_attempted_ = false;
  std::vector<TablePtr> opened_;
  RecoveredDatabase database_;
};

}  // namespace

absl::Status CreateDirectories(FileSystem& file_system, const std::string& path) {
  if (path == "." || path == "/") return absl::OkStatus();
  const std::string parent = ParentDirectory(path);
  ASSIGN_OR_RETURN(const bool exists, file_system.Exists(path));
  RETURN_IF_ERROR(CreateDirectories(file_system, parent));
  if (!exists) {
    const absl::Status made = file_system.CreateDirectory(path);
    // One that was made although the call failed would be found by the next attempt, which could
    // not tell whether a failed sync has dropped its name: as below.
    if (!made.ok() && !absl::IsAlreadyExists(made)) file_system.RemoveDirectory(path).IgnoreError();
    RETURN_IF_ERROR(made);
  }
  const absl::Status synced = file_system.SyncDirectory(parent);
  // Whoever made a directory above may keep others from reading the one it is in; its name is then
  // as durable as they left it.
  if (exists && absl::IsPermissionDenied(synced) && IsSyncNotBegun(synced)) return absl::OkStatus();
  // The failed sync may have dropped the new name, and a later one would not write it: so the next
  // attempt is to find none and make its own.
  if (!synced.ok() && !exists) file_system.RemoveDirectory(path).IgnoreError();
  return synced;
}

absl::StatusOr<std::string> EvidenceOfData(FileSystem& file_system, const std::string& directory,
                                           const std::string& name) {
  const ParsedName parsed = ParseFileName(name);
  if (parsed.kind == FileKind::kTable) return "is a table";
  if (parsed.kind != FileKind::kWal) return "";
  ASSIGN_OR_RETURN(SegmentBytes segment, ReadSegmentFile(file_system, directory + "/" + name));
  const SegmentReport report = ReadSegment(segment, parsed.number, std::nullopt);
  if (report.header.state == FileHeaderState::kNewerFormat) {
    return "is a WAL segment of a newer format";
  }
  if (report.any_frame) return "is a WAL segment that holds records";
  if (report.header.state == FileHeaderState::kBad && !report.tail_is_zero) {
    return "is a WAL segment with a damaged header";
  }
  return "";
}

void RemoveMadeSince(EngineContext& context, const std::vector<std::string>& before) {
  const absl::StatusOr<std::vector<std::string>> now = context.files.List(context.directory);
  if (!now.ok()) return;
  for (const std::string& name : *now) {
    switch (ParseFileName(name).kind) {
      case FileKind::kWal:
      case FileKind::kTable:
      case FileKind::kManifest:
      case FileKind::kTemporary:
        // What cannot be removed is left to an Open that succeeds.
        if (!std::binary_search(before.begin(), before.end(), name)) {
          context.files.Remove(context.Path(name)).IgnoreError();
        }
        break;
      case FileKind::kCurrent:
      case FileKind::kLock:
      case FileKind::kUnknown:
        break;
    }
  }
}

absl::Status CommitDatabase(EngineContext& context, RecoveredDatabase& database,
                            bool& current_attempted) {
  ManifestState& manifest = database.manifest;
  database.wal_segment_bytes = context.options.wal_segment_bytes;
  WalSegmentMaker wal(context.files, context.directory,
                      {FramedFileKind::kWal, context.epoch, context.NewFileNumber()},
                      database.wal_segment_bytes);
  RETURN_IF_ERROR(Complete(wal));
  database.wal_writer = wal.TakeWriter();
  const bool creating = context.next_file_number == 2 && manifest.tables.empty();
  manifest.wal_floor = database.wal_writer->identity().number;
  manifest.wal_floor_first_sequence = database.next_sequence;
  manifest.next_sequence = database.next_sequence;
  manifest.manifest_number = creating ? 1 : context.NewFileNumber();
  manifest.next_file_number = context.next_file_number;
  ManifestMaker maker(context.files, context.directory, context.epoch, manifest.manifest_number,
                      manifest.Snapshot());
  RETURN_IF_ERROR(Complete(maker));
  // The names of tables, WAL and manifest must be durable before CURRENT leads to them ...
  RETURN_IF_ERROR(context.files.SyncDirectory(context.directory));
  CurrentInstaller installer(context.files, context.directory, manifest.manifest_number);
  const absl::Status installed = Complete(installer);
  current_attempted = installer.rename_attempted();
  RETURN_IF_ERROR(installed);
  // ... and CURRENT's before anything old goes, or anything new is acknowledged.
  RETURN_IF_ERROR(context.files.SyncDirectory(context.directory));
  manifest.edits = 1;
  database.manifest_writer = maker.TakeWriter();
  return absl::OkStatus();
}

absl::StatusOr<RecoveredDatabase> RecoverDatabase(EngineContext& context) {
  return Recovery(context).Run();
}

}  // namespace lumen
