#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "engine/options.h"
#include "server/admission.h"
#include "server/logging.h"
#include "server/read_pool.h"
#include "server/setting_value.h"

namespace lumen {

// What becomes of the server when the engine turns read-only, after an error that no retry mends.
enum class OnSyncError : uint8_t { kReadOnly, kExit };

// What lumen-server is told at its start: docs/configuration.md. Each comes from its flag, else its
// environment variables, else the configuration file, else the default here.
struct Settings {
  std::string data_dir = "./data";
  uint64_t memory_budget_bytes = uint64_t{512} << 20;
  uint64_t memtable_bytes = uint64_t{64} << 20;
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  bool wal_lz4 = false;
  uint64_t block_bytes = 4096;
  uint64_t bloom_bits_per_key = 10;
  uint64_t lz4_from_level = Options::kNoCompression;
  OnSyncError on_sync_error = OnSyncError::kReadOnly;

  std::string listen = "127.0.0.1:50051";
  bool insecure = false;
  uint64_t read_threads = 4;
  std::chrono::milliseconds drain_timeout{5000};

  uint64_t max_key_bytes = uint64_t{64} << 10;
  uint64_t max_value_bytes = (uint64_t{4} << 20) - (uint64_t{128} << 10);
  uint64_t max_batch_bytes = uint64_t{17} << 20;  // of keys plus values
  uint64_t max_batch_operations = 10'000;
  uint64_t max_calls = Admission::Limits().calls;
  uint64_t max_call_bytes = Admission::Limits().bytes;
  uint64_t max_scans = kDefaultScanLimits.calls;
  uint64_t max_scan_bytes = kDefaultScanLimits.bytes;
  uint64_t max_queued_reads = ReadPool::Options().max_queued;

  LogOptions log;
  std::chrono::milliseconds slow_request{1000};  // 0: none is

  // All of the above as text, in the order of docs/configuration.md.
  std::vector<SettingValue> values;
  // What to tell the operator once there is a log.
  std::vector<std::string> warnings;
};

// Nothing to run: what to print, and the exit code.
struct Farewell {
  std::string text;
  // 0: --help, --version, --print-config, on standard output; 2: wrong usage, on standard error
  int exit_code = 0;
};

// `arguments` without the program's name; `environment` by name. Reads the configuration file that
// they name.
std::variant<Settings, Farewell> ParseSettings(
    const std::vector<std::string>& arguments,
    const std::map<std::string, std::string>& environment);

}  // namespace lumen
