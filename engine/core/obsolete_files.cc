#include "engine/core/obsolete_files.h"

#include <utility>

namespace lumen {

// Removes one file: a run of large ones must not keep the next WAL segment waiting for all of them.
class ObsoleteFiles::RemoveStep : public Step {
 public:
  explicit RemoveStep(ObsoleteFiles& files) : files_(files) {}

  StepResult Run(int64_t) override {
    // Nobody waits for the room; the next Open tries again.
    if (const std::string path = files_.Take(); !path.empty()) {
      files_.file_system_.Remove(path).IgnoreError();
    }
    files_.Removed();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "remove obsolete file"; }

 private:
  ObsoleteFiles& files_;
};

ObsoleteFiles::ObsoleteFiles(FileSystem& file_system, Background& background)
    : file_system_(file_system), background_(background) {}

void ObsoleteFiles::Add(std::string path) {
  MutexLock lock(mutex_);
  paths_.push_back(std::move(path));
  Schedule();
}

void ObsoleteFiles::Schedule() {
  if (step_posted_ || paths_.empty() || background_.stopping()) return;
  step_posted_ = true;
  background_.Post(Priority::kPrepare, std::make_unique<RemoveStep>(*this));
}

std::string ObsoleteFiles::Take() {
  MutexLock lock(mutex_);
  if (background_.stopping()) return {};
  std::string path = std::move(paths_.front());
  paths_.pop_front();
  return path;
}

void ObsoleteFiles::Removed() {
  MutexLock lock(mutex_);
  step_posted_ = false;
  Schedule();
}

}  // namespace lumen
