#include "engine/core/obsolete_files.h"

#include <utility>

namespace lumen {

class ObsoleteFiles::RemoveStep : public Step {
 public:
  explicit RemoveStep(ObsoleteFiles& files) : files_(files) {}

  StepResult Run(int64_t budget) override {
    for (; budget > 0; --budget) {
      const std::string path = files_.Take();
      if (path.empty()) return StepResult::kDone;
      // Nobody waits for the room; the next Open tries again.
      files_.file_system_.Remove(path).IgnoreError();
    }
    return StepResult::kMore;
  }
  std::string_view name() const override { return "remove obsolete files"; }

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
  if (paths_.empty() || background_.stopping()) {
    step_posted_ = false;
    return {};
  }
  std::string path = std::move(paths_.front());
  paths_.erase(paths_.begin());
  return path;
}

}  // namespace lumen
