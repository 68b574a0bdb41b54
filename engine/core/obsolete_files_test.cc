// Goal: obsolete files are all removed, and no matter how many there are, the steps that share
// their lane wait for one of them at most. Method: a simulation in which a step counts what is
// left.
#include "engine/core/obsolete_files.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/memory_file_system.h"
#include "engine/simulated_environment.h"

namespace lumen {
namespace {

class Call : public Step {
 public:
  explicit Call(std::function<void()> action) : action_(std::move(action)) {}
  StepResult Run(int64_t) override {
    action_();
    return StepResult::kDone;
  }
  std::string_view name() const override { return "call"; }

 private:
  const std::function<void()> action_;
};

TEST(ObsoleteFilesTest, OthersWaitForOneFileAtMost) {
  constexpr size_t kFiles = 100;
  MemoryFileSystem files;
  SimulatedEnvironment environment(1, files);
  Background background(environment.environment());
  ObsoleteFiles obsolete(files, background);
  for (size_t i = 0; i < kFiles; ++i) {
    const std::string path = "/" + std::to_string(i);
    ASSERT_TRUE(files.WriteWhole(path, "old").ok());
    obsolete.Add(path);
  }
  size_t left = 0;
  background.Post(Priority::kPrepare,
                  std::make_unique<Call>([&] { left = files.List("/")->size(); }));
  environment.RunUntilIdle();
  EXPECT_GE(left, kFiles - 1);
  EXPECT_TRUE(files.List("/")->empty());
  background.Stop();
}

}  // namespace
}  // namespace lumen
