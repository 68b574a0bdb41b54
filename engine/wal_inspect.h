#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/file_system.h"

// Looking into WAL segments and manifests offline. Only reads, takes no lock, changes nothing;
// beside a running engine it may see a state that is in the making. Holds one file in memory at a
// time.
namespace lumen {

struct DumpedHeader {
  std::string state;               // "good", "bad", "newer format"
  uint32_t format_version = 0;     // good, newer format
  std::string kind;                // "WAL segment", "manifest"; by the file's name
  uint64_t number = 0;             // by the file's name
  uint64_t epoch = 0;              // good
  uint64_t header_file_bytes = 0;  // good; as preallocated, 0 for a manifest
  uint64_t file_bytes = 0;
};

struct DumpedFrame {
  uint64_t offset = 0;
  uint32_t length = 0;  // header included, padding excluded
  std::string type;     // "DATA", "NOTE", "SEAL", "type 9"
  std::string flags;    // "SYNC|LZ4"; empty when none
  uint32_t operation_count = 0;
  uint64_t first_sequence = 0;
  uint64_t durable_to = 0;
  // False: behind the first offset without a good frame, or its payload does not verify. Recovery
  // does not read it; that its header verifies may be why it refuses.
  bool good = false;
  // Good frames: one line for each operation, such as `put "key" 12 bytes`, for what a SEAL names,
  // or for each field of a manifest's edit. Keys are escaped like C strings.
  std::vector<std::string> contents;
};

struct DumpedVerdict {
  uint64_t end = 0;  // the first offset without a good frame
  uint64_t good_frames = 0;
  uint64_t operations = 0;
  std::optional<uint64_t> last_sequence;  // of the good frames
  bool damaged = false;       // by what this file says alone; later segments may say more
  bool newer_format = false;  // of which this program cannot say whether it is damaged
  std::string text;           // one line
};

class DumpSink {
 public:
  virtual ~DumpSink() = default;
  virtual void OnHeader(const DumpedHeader& header) = 0;
  virtual void OnFrame(const DumpedFrame& frame) = 0;
  virtual void OnVerdict(const DumpedVerdict& verdict) = 0;
};

// Everything in one file, in order of offsets: header, frames, verdict. `path` ends with a
// segment's or a manifest's name, else INVALID_ARGUMENT. Damage is no error here: it is what the
// sink is told about.
absl::Status DumpWal(FileSystem& file_system, const std::string& path, DumpSink& sink);
// The same as lines of text, without line ends.
absl::Status DumpWalAsText(FileSystem& file_system, const std::string& path,
                           const std::function<void(std::string_view line)>& line);

struct VerifiedSegment {
  std::string name;
  uint64_t file_bytes = 0;
  bool needed = false;  // false: older than the floor, to be deleted by the next open
  std::string header;   // as DumpedHeader::state
  uint64_t frames = 0;
  uint64_t operations = 0;
  uint64_t end = 0;
  std::string ending;  // "sealed, successor 00000013.wal", "closed", "unused", "open"
};

struct WalDirectoryReport {
  std::string manifest;  // the file CURRENT names
  uint64_t epoch = 0;
  uint64_t edits = 0;
  uint64_t tables = 0;
  std::string floor;  // oldest segment needed
  uint64_t floor_first_sequence = 0;
  std::vector<VerifiedSegment> segments;
  // OK: an open would accept CURRENT, manifest and WAL. Else what it would refuse with.
  absl::Status verdict;
  // verdict is OK:
  uint64_t last_sequence = 0;
  uint64_t next_sequence = 0;
  std::string torn_tail;  // one line; empty when the WAL ends cleanly
};

// What Engine::Open would say of CURRENT, manifest and WAL, every operation of the WAL decoded.
// Tables are not looked at. Error: the directory could not be read.
absl::StatusOr<WalDirectoryReport> VerifyWalDirectory(FileSystem& file_system,
                                                      const std::string& directory);
// For people, one line an element.
std::vector<std::string> DescribeWalDirectory(const WalDirectoryReport& report);

}  // namespace lumen
