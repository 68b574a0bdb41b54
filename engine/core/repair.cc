#include "engine/repair.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/core/compaction_merge.h"
#include "engine/core/engine_context.h"
#include "engine/core/recovery.h"
#include "engine/core/repair_plan.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/whole_file.h"

namespace lumen {
namespace {

constexpr int kLastLevel = Version::kLevels - 1;

// The order of Apply, and what a crash leaves: docs/repair.md. It is Open's order with one step
// before it: what is not taken over wholly gets a second name in lost/, durable before CURRENT
// leads to the new state, because the first Open afterwards removes what its manifest does not
// name.
class DirectoryRepair final : public Repair {
 public:
  DirectoryRepair(std::unique_ptr<EngineContext> context, absl::Status locked, RepairWork work)
      : context_(std::move(context)), locked_(std::move(locked)), work_(std::move(work)) {}
  ~DirectoryRepair() override { context_->background.Stop(); }

  const RepairPlan& plan() const override { return work_.account; }

  absl::Status Apply() override {
    CHECK(!std::exchange(applied_, true));
    if (!plan().needed) return absl::OkStatus();
    RETURN_IF_ERROR(locked_);
    const absl::Status status = MakeNewState();
    if (!status.ok() && !current_attempted_) RemoveMadeSince(*context_, work_.names);
    return status;
  }

 private:
  absl::Status MakeNewState() {
    RETURN_IF_ERROR(KeepWhatIsLost());
    RecoveredDatabase database;
    context_->epoch = work_.state.epoch != 0 ? work_.state.epoch : context_->env.random.Next64();
    context_->next_file_number = work_.state.next_file_number;
    database.manifest.epoch = context_->epoch;
    database.next_sequence = work_.state.next_sequence;
    ASSIGN_OR_RETURN(database.manifest.tables, Tables());
    ASSIGN_OR_RETURN(std::vector<TableRecord> replayed, Replayed());
    for (TableRecord& record : replayed) database.manifest.tables.push_back(std::move(record));
    return CommitDatabase(*context_, database, current_attempted_);
  }

  absl::Status KeepWhatIsLost() {
    if (plan().lost_files.empty()) return absl::OkStatus();
    FileSystem& files = context_->files;
    const std::string here = context_->Path(plan().lost_directory);
    const std::string lost = ParentDirectory(here);
    ASSIGN_OR_RETURN(const bool exists, files.Exists(lost));
    if (!exists) RETURN_IF_ERROR(files.CreateDirectory(lost));
    RETURN_IF_ERROR(files.CreateDirectory(here));
    for (const std::string& name : plan().lost_files) {
      RETURN_IF_ERROR(files.Link(context_->Path(name), here + "/" + name));
    }
    // Every name on the way down, before CURRENT changes.
    RETURN_IF_ERROR(files.SyncDirectory(here));
    RETURN_IF_ERROR(files.SyncDirectory(lost));
    return files.SyncDirectory(context_->directory);
  }

  absl::StatusOr<std::vector<TableRecord>> Tables() {
    if (!work_.merge_tables || work_.state.tables.empty()) return work_.state.tables;
    // Which of two tables holds the newer version of a key is not a matter of the tables, but of
    // each key: a merge by sequence cannot be wrong about it.
    Compaction everything = {.output_level = kLastLevel, .base_level = kLastLevel};
    for (const TableRecord& record : work_.state.tables) {
      ASSIGN_OR_RETURN(TablePtr table, context_->OpenTable(record));
      everything.upper.push_back(std::move(table));
    }
    const auto nothing = std::make_shared<const Version>(std::vector<Level>(Version::kLevels));
    CompactionMerge merge(*context_, nothing, everything, {kMaxSequence});
    while (true) {
      ASSIGN_OR_RETURN(const bool finished, merge.Advance());
      if (finished) return merge.TakeOutputs();
    }
  }

  absl::StatusOr<std::vector<TableRecord>> Replayed() {
    // Where no manifest says, the next repair takes the WAL to be in tables up to the largest
    // sequence that one holds: no table may be there before those of earlier operations are.
    return WriteOutSegments(*context_, context_->epoch, work_.replay, work_.replay_operations,
                            TableNames::kSyncedOneByOne, [this](const ReplayRange& range) {
                              return ReadWholeFile(context_->files,
                                                   context_->Path(WalFileName(range.number)));
                            });
  }

  const std::unique_ptr<EngineContext> context_;
  const absl::Status locked_;
  const RepairWork work_;
  bool applied_ = false;
  bool current_attempted_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Repair>> Repair::Prepare(
    const Options& options, const std::string& directory, const Environment& environment,
    const std::function<void(uint64_t done_bytes, uint64_t total_bytes)>& progress) {
  ASSIGN_OR_RETURN(const bool exists, environment.file_system.Exists(directory));
  if (!exists) return absl::NotFoundError(absl::StrCat(directory, ": no such directory"));
  auto context = std::make_unique<EngineContext>(options, directory, environment);
  absl::Status locked = context->TakeLock();
  // A directory that may not be written to can be looked at all the same; who has it open still
  // refuses, because the lock on the directory itself needs no right to write.
  absl::StatusOr<RepairWork> work = locked.ok() || absl::IsPermissionDenied(locked)
                                        ? PlanRepair(context->files, context->directory, progress)
                                        : locked;
  if (!work.ok()) {
    context->background.Stop();
    return work.status();
  }
  return std::make_unique<DirectoryRepair>(std::move(context), std::move(locked), *std::move(work));
}

}  // namespace lumen
