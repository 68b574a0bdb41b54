#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/environment.h"
#include "engine/options.h"

namespace lumen {

struct LegacyImportOptions {
  std::string log;
  std::string directory;
  bool good_prefix = false;    // import what comes before damage
  bool into_existing = false;  // on top of what the directory holds
  Options engine = {};         // of the one that writes; its lock_owner is ours
  // Told of each phase, "reading" and "importing", how far it is. Bytes.
  std::function<void(std::string_view phase, uint64_t done, uint64_t total)> progress = {};
};

// The wal.log of the original program into a database. The log is read to its end before anything
// is written. A new database is made in DIRECTORY.importing, and renamed once all of it is durable:
// a crash leaves the whole import or none, at worst with that directory beside it. Not thread-safe.
class LegacyImport {
 public:
  struct Survey {
    uint64_t puts = 0;
    uint64_t deletes = 0;
    uint64_t good_bytes = 0;  // what follows is not imported
    uint64_t file_bytes = 0;
    bool torn = false;
    absl::Status damage;
  };
  enum class State : uint8_t {
    kUntouched,  // nothing was written, or what was written has been removed
    kLeftover,   // temporary() is there, and has to be removed by hand
    kPartial,    // of into_existing: a front part of the log may be in the directory
    kNamed,      // the directory is whole; after an error a power loss may still take its name away
  };

  // Borrows `environment`.
  LegacyImport(const Environment& environment, LegacyImportOptions options);

  // Once. OK: the import survives power loss. DATA_LOSS: the log is damaged. FAILED_PRECONDITION:
  // it holds what LumenKV does not take, or the directory is not empty, or an engine has it open.
  // Others: a file cannot be read or written. After an error state() says what is left.
  absl::Status Run();

  State state() const { return state_; }
  const Survey& survey() const { return survey_; }
  uint64_t keys() const { return keys_; }
  // Without slashes at its end.
  const std::string& directory() const { return directory_; }
  std::string temporary() const { return directory_ + ".importing"; }

 private:
  absl::Status ReadLog();
  absl::Status MakeNew();
  absl::Status CheckTarget();
  absl::Status Write(const std::string& directory);
  void RemoveTemporary();

  const Environment environment_;
  FileSystem& files_;
  const LegacyImportOptions options_;
  std::string directory_;
  bool target_exists_ = false;
  State state_ = State::kUntouched;
  Survey survey_;
  uint64_t keys_ = 0;
};

}  // namespace lumen
