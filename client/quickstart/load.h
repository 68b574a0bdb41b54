#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/quickstart/history.h"
#include "client/quickstart/random.h"
#include "engine/base/mutex.h"

namespace lumen::quickstart {

// What all lanes of a phase share. Thread-safe.
class Phase {
 public:
  explicit Phase(int lanes) : lanes_left_(lanes) {}

  // Set before the server is killed: from then on a failed call is in doubt instead of wrong.
  std::atomic<bool> killed{false};
  std::atomic<bool> stopping{false};
  std::atomic<int> in_flight{0};
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<uint64_t> in_doubt{0};
  std::atomic<uint64_t> keys_checked{0};
  std::atomic<uint64_t> keys_present{0};

  void Report(const std::string& violation);
  void FinishLane();
  // False: `timeout` passed first.
  bool WaitForLanes(std::chrono::milliseconds timeout);
  // The first few.
  std::vector<std::string> Violations();

 private:
  Mutex mutex_;
  CondVar changed_;
  int lanes_left_ GUARDED_BY(mutex_);
  std::vector<std::string> violations_ GUARDED_BY(mutex_);
};

// One chain of calls: the next starts when the last has been answered, so that of each of its keys
// at most one operation is open and the set of legal values is exact. Driven by its own callbacks;
// one phase at a time. The client must outlive the lane's phase.
class Lane {
 public:
  Lane(int client, int lane, int keys, uint64_t seed);

  // Puts, overwrites, deletes and reads until phase.stopping or a call fails.
  void StartLoad(Client& client, std::shared_ptr<Phase> phase);
  // Reads every key once.
  void StartCheck(Client& client, std::shared_ptr<Phase> phase);

 private:
  struct Run {
    Client* client;
    std::shared_ptr<Phase> phase;
  };

  void Issue(const Run& run);
  void IssuePut(const Run& run, History& history);
  void IssueDelete(const Run& run, History& history);
  void IssueGet(const Run& run, History& history);
  // Books a failed call and ends the lane's phase.
  void Fail(const Run& run, History& history, const absl::Status& status, bool is_write);
  void Check(const Run& run, size_t index);

  const int client_;
  Random random_;
  uint64_t counter_ = 0;
  std::vector<History> histories_;
};

}  // namespace lumen::quickstart
