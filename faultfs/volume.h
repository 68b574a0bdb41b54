#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/file_system.h"
#include "faultfs/disk_image.h"
#include "faultfs/fault_injector.h"
#include "faultfs/operation.h"

namespace lumen::faultfs {

struct VolumeOptions {
  uint64_t capacity_bytes = uint64_t{1} << 40;
  FaultInjector* faults = nullptr;              // borrowed
  std::function<void(int64_t)> pass_time = {};  // virtual nanoseconds, for latency faults
  bool record_reads = false;                    // calls that change nothing are traced too
  // False: history() stays empty, which saves what it costs; and there can be no faults, some of
  // which go back in it.
  bool record_history = true;
  // Every later call fails with INTERNAL and does nothing, so that a program which does not end
  // meets errors only.
  uint64_t most_calls = ~uint64_t{0};
};

// Bytes that one read was given although they are on the disk no more.
struct StaleRead {
  uint64_t at = 0;  // operations in the history then
  InodeNumber inode = 0;
  uint64_t offset = 0;
  std::string bytes;
};

// A simulated disk with its operating system: what programs on it see, and the history from which
// DiskState tells what a power loss may leave. Programs reach it through a Process. Deterministic.
// Not thread-safe.
class Volume {
 public:
  Volume();
  explicit Volume(DiskImage start, VolumeOptions options = {});
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  // A program's view. kill() ends it as SIGKILL does: its locks are gone, and everything that it
  // still tries fails without effect, so that what it leaves behind may be destroyed at leisure.
  // Files that it opened may outlive it. Semantics and error texts are those of
  // engine/posix_environment.h's file system. Must not outlive the volume.
  class Process : public FileSystem {
   public:
    virtual void Kill() = 0;
  };
  std::unique_ptr<Process> Start();

  // Operations so far, in order. A crash point is an index: the crash comes before history()[i].
  const std::vector<Operation>& history() const;
  // Calls of every kind so far: reads included, and those that failed.
  uint64_t calls() const;
  // Those so far, in order.
  const std::vector<StaleRead>& stale_reads() const;
  // What programs see now: the page cache over the disk.
  const DiskImage& current() const;
  const DiskImage& start() const;

  // Null: none. Faults that last, such as sectors that cannot be read, end with their injector;
  // damage done stays. With an injector ReadFile::View never answers, so that it is asked before
  // every read.
  void SetFaults(FaultInjector* faults);
  void SetCapacity(uint64_t capacity_bytes);
  // Every call, one line as engine/tracing_file_system.h has them; only with record_reads those
  // that change nothing.
  void SetTrace(std::function<void(std::string_view line)> sink);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lumen::faultfs
