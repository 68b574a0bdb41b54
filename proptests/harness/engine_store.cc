#include "proptests/harness/engine_store.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/engine.h"
#include "engine/simulated_environment.h"

namespace lumen::crash {
namespace {

constexpr char kCheckpoint[] = "/checkpoint";

absl::Status Visit(Engine& engine, const Snapshot* snapshot, bool reverse,
                   const Store::Visit& visit) {
  const auto iterator = engine.NewIterator({.snapshot = snapshot});
  if (reverse) {
    for (iterator->SeekToLast(); iterator->valid(); iterator->Prev()) {
      visit(iterator->key(), iterator->value());
    }
  } else {
    for (iterator->SeekToFirst(); iterator->valid(); iterator->Next()) {
      visit(iterator->key(), iterator->value());
    }
  }
  return iterator->status();
}

absl::StatusOr<Content> ContentOf(Engine& engine, const Snapshot* snapshot) {
  Content content;
  RETURN_IF_ERROR(Visit(engine, snapshot, false, [&](std::string_view key, std::string_view value) {
    content.emplace_back(key, value);
  }));
  return content;
}

struct Settings {
  Options options;
  std::string directory;
};

class EngineStore final : public Store {
 public:
  EngineStore(std::shared_ptr<const Settings> settings, FileSystem& files, uint64_t seed)
      : settings_(std::move(settings)), files_(files), simulation_(seed, files) {}

  absl::Status Open() {
    ASSIGN_OR_RETURN(
        engine_, Engine::Open(settings_->options, settings_->directory, simulation_.environment()));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) override {
    ASSIGN_OR_RETURN(std::optional<GetResult> got, engine_->Get(key));
    if (!got.has_value()) return std::nullopt;
    return std::move(got->value);
  }

  absl::Status Scan(bool reverse, const Visit& visit) override {
    return crash::Visit(*engine_, nullptr, reverse, visit);
  }

  absl::StatusOr<uint64_t> Put(const std::string& key, const std::string& value) override {
    WriteBatch batch;
    batch.Put(key, value);
    ASSIGN_OR_RETURN(const WriteResult result, engine_->Write(batch, {}));
    return result.sequence;
  }

  absl::Status Exercise() override {
    ASSIGN_OR_RETURN(const Content before, ContentOf(*engine_, nullptr));
    const std::unique_ptr<Snapshot> snapshot = engine_->TakeSnapshot();
    RETURN_IF_ERROR(engine_->Flush());
    RETURN_IF_ERROR(engine_->Compact());
    ASSIGN_OR_RETURN(const Content after, ContentOf(*engine_, snapshot.get()));
    if (before != after) return absl::InternalError("a snapshot changed while it was compacted");
    RETURN_IF_ERROR(ExerciseCheckpoint(before));
    return engine_->WaitForQuiescence();
  }

  absl::StatusOr<std::vector<std::string>> Orphans() override {
    // A memtable keeps its WAL segments; removals are background work.
    RETURN_IF_ERROR(engine_->Flush());
    simulation_.RunUntilIdle();
    ASSIGN_OR_RETURN(std::vector<std::string> names, files_.List(settings_->directory));
    const auto tables = static_cast<size_t>(TablesInUse());
    size_t wal_segments = 0, table_files = 0, others = 0;
    for (const std::string& name : names) {
      if (absl::EndsWith(name, ".wal")) {
        ++wal_segments;
      } else if (absl::EndsWith(name, ".sst")) {
        ++table_files;
      } else {
        ++others;
      }
    }
    // The segment in use, the one made ahead, and up to two that were passed through on the way to
    // one that is large enough for a batch.
    constexpr size_t kMostSegments = 4;
    constexpr size_t kOthers = 3;  // CURRENT, LOCK, the manifest
    const bool tidy = wal_segments <= kMostSegments && table_files == tables && others == kOthers;
    return tidy ? std::vector<std::string>{} : std::move(names);
  }

  absl::Status Close() override { return engine_->Close(); }

 private:
  int TablesInUse() {
    int tables = 0;
    for (const LevelStats& level : engine_->GetStats().levels) tables += level.files;
    return tables;
  }

  absl::Status ExerciseCheckpoint(const Content& expected) {
    // A crash may have left one that an earlier life had made.
    RETURN_IF_ERROR(RemoveCheckpoint());
    RETURN_IF_ERROR(engine_->Checkpoint(kCheckpoint));
    {
      ASSIGN_OR_RETURN(const std::unique_ptr<Engine> copy,
                       Engine::Open(settings_->options, kCheckpoint, simulation_.environment()));
      ASSIGN_OR_RETURN(const Content content, ContentOf(*copy, nullptr));
      if (content != expected) {
        return absl::InternalError("a checkpoint holds something else than its origin");
      }
      RETURN_IF_ERROR(copy->Close());
    }
    return RemoveCheckpoint();
  }

  absl::Status RemoveCheckpoint() {
    ASSIGN_OR_RETURN(const bool exists, files_.Exists(kCheckpoint));
    if (!exists) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(kCheckpoint));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(files_.Remove(absl::StrCat(kCheckpoint, "/", name)));
    }
    return files_.RemoveDirectory(kCheckpoint);
  }

  const std::shared_ptr<const Settings> settings_;
  FileSystem& files_;
  SimulatedEnvironment simulation_;
  std::unique_ptr<Engine> engine_;  // gone before what it runs in
};

}  // namespace

Opener EngineOpener(Options options, std::string directory) {
  auto settings =
      std::make_shared<const Settings>(Settings{std::move(options), std::move(directory)});
  return [settings = std::move(settings)](FileSystem& files,
                                          uint64_t seed) -> absl::StatusOr<std::unique_ptr<Store>> {
    auto store = std::make_unique<EngineStore>(settings, files, seed);
    RETURN_IF_ERROR(store->Open());
    return store;
  };
}

}  // namespace lumen::crash
