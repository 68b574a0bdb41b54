#include "engine/core/repair_testing.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/manifest/version_edit.h"
#include "engine/table/table.h"
#include "engine/wal/frame_walk.h"
#include "engine/wal/wal_reader.h"

namespace lumen {

PristineDatabase::PristineDatabase(uint64_t seed, const std::string& script) {
  const std::unique_ptr<MemoryFileSystem> disk = std::make_unique<MemoryFileSystem>();
  {
    TestDatabase database(*disk, seed);
    CHECK(database.Open().ok());
    Workload workload(database, script);
    while (workload.Step()) continue;
    CHECK(workload.errors().empty());
    content_ = database.history().Visible();
    files_ = disk->CrashCopy(Crash::kProcess);
  }
  names_ = *files_->List("/db");
  std::erase(names_, "LOCK");
  for (const std::string& name : names_) {
    used_[name] = *files_->FileSize("/db/" + name);
    const FileKind kind = ParseFileName(name).kind;
    if (kind == FileKind::kTable) ReadTable(name);
    if (kind == FileKind::kWal) ReadWal(name);
  }
}

void PristineDatabase::ReadTable(const std::string& name) {
  BlockCache cache(1 << 20);
  auto reader = TableReader::Open(*files_->OpenReadFile("/db/" + name), name, 1, cache);
  if (!reader.ok()) return;  // in the making when the process crashed
  const auto entries = (*reader)->NewIterator(false);
  for (entries->SeekToFirst(); entries->valid(); entries->Next()) {
    const Entry& entry = entries->entry();
    tables_[name].push_back(
        {entry.sequence, entry.kind, std::string(entry.key), std::string(entry.value)});
  }
  CHECK(entries->status().ok());
}

void PristineDatabase::ReadWal(const std::string& name) {
  const std::string bytes = *files_->ReadWhole("/db/" + name);
  const SegmentReport report = ReadSegment(bytes, ParseFileName(name).number, std::nullopt);
  used_[name] = report.end;
  const absl::Status read = ForEachDataFrame(
      bytes, report.header.header.identity, report.end,
      [&](uint64_t offset, const FrameHeader& header, std::string_view payload) {
        BatchReader reader(payload);
        uint64_t sequence = header.first_sequence;
        while (const auto operation = reader.Next()) {
          frames_[name][offset].push_back({sequence++, operation->kind, std::string(operation->key),
                                           std::string(operation->value)});
        }
        return absl::OkStatus();
      });
  CHECK(read.ok());
}

uint64_t PristineDatabase::UsedBytes(const std::string& name) const { return used_.at(name); }

void PristineDatabase::Add(const std::vector<Version>& versions, Newest& newest) {
  for (const Version& version : versions) {
    const Version*& known = newest[version.key];
    if (known == nullptr || known->sequence < version.sequence) known = &version;
  }
}

Content PristineDatabase::Kept(const RepairPlan& plan, MemoryFileSystem& damaged) const {
  Newest newest;
  std::vector<std::string> tables = damaged.List("/db").value_or(std::vector<std::string>());
  if (!plan.manifest.empty()) {
    const absl::StatusOr<std::string> bytes = damaged.ReadWhole("/db/" + plan.manifest);
    const auto state = ReadManifest(*bytes, ParseFileName(plan.manifest).number);
    tables.clear();
    for (const TableRecord& table : state->tables) tables.push_back(TableFileName(table.number));
  }
  for (const std::string& name : tables) {
    const bool dropped =
        std::any_of(plan.dropped_tables.begin(), plan.dropped_tables.end(),
                    [&](const RepairPlan::DroppedTable& table) { return table.name == name; });
    const auto table = tables_.find(name);
    if (!dropped && table != tables_.end()) Add(table->second, newest);
  }
  for (const RepairPlan::ReplayedSegment& segment : plan.replayed) {
    const auto frames = frames_.find(segment.name);
    if (frames == frames_.end()) continue;
    for (const auto& [offset, versions] : frames->second) {
      if (offset < segment.end) Add(versions, newest);
    }
  }
  Content content;
  for (const auto& [key, version] : newest) {
    if (version->kind == EntryKind::kPut) content[key] = version->value;
  }
  return content;
}

bool PristineDatabase::Accounted(const RepairPlan& plan, const std::string& key,
                                 MemoryFileSystem& damaged) const {
  // Any version of it: what is seen afterwards depends on which of them are left.
  for (const auto& table : plan.dropped_tables) {
    if (!table.known || (table.smallest_key <= key && key <= table.largest_key)) return true;
  }
  for (const auto& segment : plan.dropped_segments) {
    if (segment.from == 0) return true;  // missing, and said to be
    for (const auto& operation : segment.operations) {
      if (operation.key == key) return true;
    }
    // Behind the last frame that verifies nobody knows what there was.
    const auto frames = frames_.find(segment.name);
    if (frames == frames_.end()) continue;
    for (const auto& [offset, versions] : frames->second) {
      for (const Version& version : versions) {
        if (offset >= segment.from && version.key == key) return true;
      }
    }
  }
  const bool segments_may_miss = std::any_of(
      plan.risks.begin(), plan.risks.end(),
      [](const std::string& risk) { return risk.find("a WAL segment that is missing") == 0; });
  for (const auto& [name, frames] : frames_) {
    const bool missing = !damaged.Exists("/db/" + name).value_or(true);
    for (const auto& [offset, versions] : frames) {
      for (const Version& version : versions) {
        if (version.key != key) continue;
        if (missing && segments_may_miss) return true;
        for (const auto& range : plan.unreadable) {
          if (range.first <= version.sequence && version.sequence <= range.last) return true;
        }
      }
    }
  }
  return false;
}

std::unique_ptr<MemoryFileSystem> DurableCopy(MemoryFileSystem& files) {
  auto copy = std::make_unique<MemoryFileSystem>();
  CHECK(copy->CreateDirectory("/db").ok());
  CHECK(copy->SyncDirectory("/").ok());
  const auto names = files.List("/db");
  CHECK(names.ok());
  for (const std::string& name : *names) {
    CHECK(copy->WriteWhole("/db/" + name, *files.ReadWhole("/db/" + name)).ok());
  }
  return copy;
}

std::string DamageSomething(uint64_t seed, const PristineDatabase& pristine,
                            MemoryFileSystem& files) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t limit) { return random() % limit; };
  // One of the four kinds first, since most files are tables.
  const FileKind kinds[] = {FileKind::kWal, FileKind::kTable, FileKind::kManifest,
                            FileKind::kCurrent};
  const FileKind kind = kinds[below(4)];
  std::vector<std::string> candidates;
  for (const std::string& name : pristine.names()) {
    if (ParseFileName(name).kind == kind && *files.Exists("/db/" + name)) {
      candidates.push_back(name);
    }
  }
  if (candidates.empty()) return "nothing";
  const std::string name = candidates[below(candidates.size())];
  const std::string path = "/db/" + name;
  const uint64_t used = std::min(pristine.UsedBytes(name), *files.FileSize(path));
  const uint64_t action = below(5);
  if (action == 4 || used == 0) {
    CHECK(files.Remove(path).ok());
    return name + " removed";
  }
  const uint64_t offset = below(used);
  if (action == 3) {
    CHECK(files.Truncate(path, offset).ok());
    return absl::StrCat(name, " cut at ", offset);
  }
  const std::string bytes = *files.ReadWhole(path);
  if (action == 0) {
    const char flipped = static_cast<char>(bytes[offset] ^ (1 << below(8)));
    CHECK(files.Overwrite(path, offset, std::string(1, flipped)).ok());
    return absl::StrCat(name, " bit flipped at ", offset);
  }
  const uint64_t sector = offset / 512 * 512;
  std::string content(std::min<uint64_t>(512, bytes.size() - sector), '\0');
  if (action == 1) {
    for (char& byte : content) byte = static_cast<char>(below(256));
  }
  CHECK(files.Overwrite(path, sector, content).ok());
  return absl::StrCat(name, action == 1 ? " garbage" : " zeros", " at ", sector);
}

}  // namespace lumen
