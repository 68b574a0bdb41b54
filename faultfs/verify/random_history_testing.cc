#include "faultfs/verify/random_history_testing.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "faultfs/fault_injector.h"
#include "faultfs/volume.h"

namespace lumen::faultfs::verify {
namespace {

constexpr std::array kKinds = {"append",  "append", "append", "append",   "append",   "create",
                               "create",  "create", "rename", "rename",   "sync",     "sync",
                               "sync",    "remove", "link",   "allocate", "allocate", "syncdir",
                               "syncdir", "mkdir",  "rmdir",  "damage"};
constexpr int kMostSteps = 60;
constexpr std::array kPaths = {"/a", "/00000001.wal", "/d/a", "/e/a", "/b"};
constexpr std::array kDirectories = {"/", "/d", "/e"};
constexpr std::array<uint64_t, 7> kAmounts = {8, 1, 100, 512, 256, 700, 1024};
constexpr std::array<uint64_t, 7> kSmallAmounts = {8, 1, 12, 4, 16, 504, 3};
constexpr std::array<uint64_t, 5> kAllocations = {512, 1024, 700, 1536, 100};
// Half of the syncs do what they say.
constexpr std::array kEffects = {FaultKind::kNone,
                                 FaultKind::kNone,
                                 FaultKind::kNone,
                                 FaultKind::kNone,
                                 FaultKind::kNone,
                                 FaultKind::kNone,
                                 FaultKind::kSyncMarkedClean,
                                 FaultKind::kSyncLate,
                                 FaultKind::kSyncReverted,
                                 FaultKind::kSyncFailedDurable,
                                 FaultKind::kSyncFailedPartly,
                                 FaultKind::kSyncLied};
constexpr std::array kDamages = {FaultKind::kBitFlip, FaultKind::kSectorGarbage,
                                 FaultKind::kTruncated};

template <typename Table>
auto Pick(const Table& table, uint32_t number) {
  return table[number % table.size()];
}

// Gives one call the fault that it is told.
class OneFault final : public FaultInjector {
 public:
  void Arm(FaultKind kind, uint32_t seed) {
    fault_ = {};
    fault_.kind = kind;
    fault_.error = absl::InternalError("injected");
    fault_.amount = seed;
    fault_.seed = seed;
  }
  Fault Decide(const Call&) override { return std::exchange(fault_, {}); }
  void Changed(const Fault&) override {}
  void Observed(const Fault&) override {}

 private:
  Fault fault_;
};

class Runner {
 public:
  explicit Runner(const DiskImage& start) : volume_(start, {.faults = &faults_}) {
    process_ = volume_.Start();
  }
  void Run(const Step& step, bool small);
  Ran result() const { return {volume_.history(), volume_.current().Plain()}; }

 private:
  void RunOnFile(const std::string& kind, const Step& step, bool small);
  void Create(const std::string& path);
  void MakeParent(const std::string& path);

  OneFault faults_;
  Volume volume_;
  std::unique_ptr<Volume::Process> process_;
  std::vector<std::unique_ptr<LogFile>> files_;
};

// Calls may fail: the history tells what became of them.
void Runner::Run(const Step& step, bool small) {
  const std::string kind = Pick(kKinds, step.kind);
  const std::string path = Pick(kPaths, step.path);
  const std::string other = Pick(kPaths, step.other);
  const std::string directory = Pick(kDirectories, step.path);
  if (kind == "append" || kind == "allocate" || kind == "sync") return RunOnFile(kind, step, small);
  if (kind == "create") {
    Create(path);
  } else if (kind == "rename") {
    // One in four: a directory.
    const bool whole = step.amount % 4 == 3;
    if (!whole) MakeParent(other);
    (void)process_->Rename(whole ? "/d" : path, whole ? "/e" : other);
  } else if (kind == "remove") {
    (void)process_->Remove(path);
  } else if (kind == "link") {
    MakeParent(other);
    (void)process_->Link(path, other);
  } else if (kind == "syncdir") {
    faults_.Arm(Pick(kEffects, step.effect), step.seed);
    (void)process_->SyncDirectory(directory);
  } else if (kind == "mkdir") {
    (void)process_->CreateDirectory(Pick(kDirectories, 1 + step.path % 2));
  } else if (kind == "rmdir") {
    (void)process_->RemoveDirectory(Pick(kDirectories, 1 + step.path % 2));
  } else {
    faults_.Arm(Pick(kDamages, step.effect), step.seed);
    (void)process_->OpenReadFile(path);
  }
  faults_.Arm(FaultKind::kNone, 0);
}

void Runner::MakeParent(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  if (!parent.empty()) (void)process_->CreateDirectory(parent);
}

void Runner::Create(const std::string& path) {
  MakeParent(path);
  auto file = process_->CreateLogFile(path);
  if (file.ok()) files_.push_back(*std::move(file));
}

// The newest file, more likely than older ones.
void Runner::RunOnFile(const std::string& kind, const Step& step, bool small) {
  if (files_.empty()) {
    Create(Pick(kPaths, step.other));
    if (files_.empty()) return;
  }
  const size_t back = step.path % 2 == 0 ? 0 : step.other % files_.size();
  LogFile& file = *files_[files_.size() - 1 - back];
  if (kind == "append") {
    const uint64_t bytes = small ? Pick(kSmallAmounts, step.amount) : Pick(kAmounts, step.amount);
    (void)file.Append(std::string(bytes, static_cast<char>('x' + step.seed % 3)));
  } else if (kind == "allocate") {
    (void)file.Allocate(Pick(kAllocations, step.amount));
  } else {
    faults_.Arm(Pick(kEffects, step.effect), step.seed);
    (void)file.Sync();
    faults_.Arm(FaultKind::kNone, 0);
  }
}

void CopyTree(const DiskImage& image, InodeNumber directory, Disk& disk) {
  auto& entries = disk.directories[directory];
  for (const auto& [name, inode] : *image.Directory(directory)) {
    entries[name] = inode;
    if (const FileBytes* file = image.File(inode)) {
      disk.files[inode] = file->ToString();
    } else {
      CopyTree(image, inode, disk);
    }
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << Pick(kKinds, step.kind) << " path " << step.path << " other " << step.other
             << " amount " << step.amount << " effect " << step.effect << " seed " << step.seed;
}

std::ostream& operator<<(std::ostream& out, const Program& program) {
  out << (program.small ? "small appends" : "appends");
  for (const Step& step : program.steps) out << "\n  " << step;
  return out;
}

rc::Gen<Program> AnyProgram(bool small) {
  const auto below = [](size_t limit) {
    return rc::gen::inRange<uint32_t>(0, static_cast<uint32_t>(limit));
  };
  const auto step = rc::gen::build<Step>(
      rc::gen::set(&Step::kind, below(kKinds.size())),
      rc::gen::set(&Step::path, below(kPaths.size())),
      rc::gen::set(&Step::other, below(kPaths.size())), rc::gen::set(&Step::amount, below(28)),
      rc::gen::set(&Step::effect, below(kEffects.size())), rc::gen::set(&Step::seed, below(256)));
  const auto steps = rc::gen::resize(
      kMostSteps, rc::gen::container<std::vector<Step>>(rc::gen::resize(rc::kNominalSize, step)));
  return rc::gen::map(steps, [small](std::vector<Step> made) {
    return Program{small, std::move(made)};
  });
}

Ran RunOnVolume(const Program& program, const DiskImage& start) {
  Runner runner(start);
  for (const Step& step : program.steps) runner.Run(step, program.small);
  return runner.result();
}

Disk PlainDisk(const DiskImage& image) {
  Disk disk;
  CopyTree(image, kRootInode, disk);
  return disk;
}

}  // namespace lumen::faultfs::verify
