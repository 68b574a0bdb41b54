// The WAL reader on arbitrary bytes: up to four segments (numbers 3 to 6, floor 3). It must not
// crash, must agree with second_reader on refusal, rule and sequences, and whatever it plans to
// replay must be readable to the end that it named. Inputs: PackFiles().
#include <cstring>

#include "engine/base/check.h"
#include "engine/batch.h"
#include "engine/format/coding.h"
#include "engine/wal/frame_mender.h"
#include "engine/wal/framed_file_writer.h"
#include "engine/wal/second_reader.h"
#include "engine/wal/wal_reader.h"
#include "engine/wal/wal_segment.h"
#include "engine/wal/wal_test_support.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0x0123456789abcdef;
constexpr uint64_t kFloor = 3;
constexpr size_t kMostSegments = 4;
// The second reader is slow, and small files hold every shape there is.
constexpr size_t kMostFileBytes = 16384;

std::vector<std::string> Segments(std::string_view input) {
  std::vector<std::string> files = UnpackFiles(input, kMostSegments);
  for (std::string& file : files) file.resize(std::min(file.size(), kMostFileBytes));
  return files;
}

void CheckReplay(std::string_view file, const SegmentReport& segment) {
  uint64_t operations = 0;
  const absl::Status status =
      ForEachDataFrame(file, segment.header.header.identity, segment.end,
                       [&](uint64_t, const FrameHeader& header, std::string_view payload) {
                         operations += header.operation_count;
                         BatchReader reader(payload);
                         while (reader.Next()) {
                         }
                         return absl::OkStatus();
                       });
  // Only a payload that does not decompress may stop it.
  if (status.ok()) {
    CHECK(operations == segment.operations);
  } else {
    CHECK(status.message().find("decompress") != absl::string_view::npos);
  }
}

void Run(std::string_view input) {
  std::map<uint64_t, std::string> files;
  std::vector<SegmentReport> reports;
  uint64_t number = kFloor;
  for (const std::string& file : Segments(input)) {
    files[number] = file;
    reports.push_back(ReadSegmentBothWays(file, number, kEpoch));
    // Nobody knows the epoch: must only not crash.
    (void)ReadSegmentBothWays(file, number, std::nullopt);
    ++number;
  }
  const auto plan =
      JudgeWal({.epoch = kEpoch, .floor = kFloor, .floor_first_sequence = 1}, reports);
  const second::Opinion opinion = second::JudgeWal(files, kEpoch, kFloor, 1);
  CHECK(plan.ok() != opinion.refused);
  if (!plan.ok()) {
    const auto rule = RefusalRule(plan.status());
    CHECK(rule.has_value());
    CHECK(WalRuleName(*rule) == opinion.rule);
    return;
  }
  CHECK(plan->last_sequence == opinion.last_sequence);
  CHECK(plan->next_sequence == opinion.next_sequence);
  CHECK(plan->torn_tail == opinion.torn);
  for (const SegmentReport& report : reports) {
    for (const uint64_t replayed : plan->replay) {
      if (replayed == report.number) CheckReplay(files.at(replayed), report);
    }
  }
}

// A valid WAL of three segments.
std::string ValidWal(bool closed, bool lz4) {
  TestDisk disk;
  std::vector<std::string> files;
  uint64_t sequence = 1;
  std::unique_ptr<FramedFileWriter> writer;
  const auto append = [&](FrameType type, uint8_t flags, const std::string& payload,
                          uint32_t operations) {
    const std::string_view piece = payload;
    CHECK(writer
              ->Append({.type = type,
                        .flags = flags,
                        .operation_count = operations,
                        .first_sequence = sequence},
                       {&piece, 1}, lz4)
              .ok());
    sequence += operations;
    if ((flags & kFrameSync) != 0) CHECK(writer->Sync().ok());
  };
  for (uint64_t number = kFloor; number < kFloor + 3; ++number) {
    const FileIdentity identity = {.kind = FramedFileKind::kWal, .epoch = kEpoch, .number = number};
    WalSegmentMaker maker(disk, "db", identity, 8192);
    while (!*maker.Advance()) {
    }
    writer = maker.TakeWriter();
    WriteBatch batch;
    batch.Put("key", std::string(lz4 ? 1200 : 20, 'v'));
    batch.Delete("other");
    append(FrameType::kData, kFrameSync, batch.encoded(), 2);
    append(FrameType::kNote, 0, "", 0);
    append(FrameType::kData, 0, batch.encoded(), 2);
    if (number < kFloor + 2) append(FrameType::kSeal, kFrameSync, EncodeSuccessor(number + 1), 0);
    if (number == kFloor + 2 && closed) {
      append(FrameType::kNote, kFrameSync | kFrameClose, "", 0);
    }
  }
  for (const auto& [path, inode] : disk.files) files.push_back(inode->bytes);
  return PackFiles(files);
}

}  // namespace
}  // namespace lumen

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const bool closed : {false, true}) {
    for (const bool lz4 : {false, true}) {
      lumen::WriteSeed(*argc, *argv,
                       std::string("seed") + (closed ? "-closed" : "-open") + (lz4 ? "-lz4" : ""),
                       lumen::ValidWal(closed, lz4));
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lumen::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// Most of the time changes bytes, then mends one segment's checksums; else leaves the damage as it
// is.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4 == 0) return size;
  std::vector<std::string> files = lumen::Segments({reinterpret_cast<const char*>(data), size});
  if (files.empty()) return size;
  const size_t chosen = seed / 4 % files.size();
  // Chosen bytes where they matter: a field of a frame's header or of the header block.
  std::string& file = files[chosen];
  const size_t frame = lumen::kHeaderBlockBytes + seed / 64 % 4 * lumen::kSectorBytes;
  if (seed % 4 == 2 && file.size() > frame + lumen::kFrameHeaderBytes) {
    LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(file.data()) + frame, lumen::kFrameHeaderBytes,
                     lumen::kFrameHeaderBytes);
  }
  if (seed % 4 == 3 && file.size() > 48) {
    LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(file.data()), 48, 48);
  }
  lumen::MendFile(lumen::FramedFileKind::kWal, lumen::kFloor + chosen, lumen::kEpoch, file);
  const std::string packed = lumen::PackFiles(files);
  if (packed.size() > max_size) return size;
  std::memcpy(data, packed.data(), packed.size());
  return packed.size();
}
