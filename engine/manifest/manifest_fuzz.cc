// The readers of manifest and CURRENT, and the dump, on arbitrary bytes. They must not crash, must
// agree with second_reader, and a state that was read must survive its own snapshot. Input: the
// manifest's bytes, read as CURRENT too.
#include <algorithm>
#include <cstring>

#include "engine/base/check.h"
#include "engine/manifest/manifest_file.h"
#include "engine/manifest/version_edit.h"
#include "engine/wal/frame_mender.h"
#include "engine/wal/second_reader.h"
#include "engine/wal/wal_test_support.h"
#include "engine/wal_inspect.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace lumen {
namespace {

constexpr uint64_t kEpoch = 0x0123456789abcdef;
constexpr uint64_t kNumber = 7;
constexpr size_t kMostFileBytes = 16384;

void CheckSnapshot(const ManifestState& state) {
  const std::string encoded = state.Snapshot().Encode();
  const auto decoded = VersionEdit::Decode(encoded);
  CHECK(decoded.ok());
  ManifestState again;
  CHECK(again.Apply(*decoded).ok());
  CHECK(again.Snapshot().Encode() == encoded);
}

void CheckDump(std::string_view file, bool good) {
  TestDisk disk;
  disk.files["db/MANIFEST-7"] = std::make_shared<TestInode>();
  disk.files["db/MANIFEST-7"]->bytes = file;
  std::string last;
  CHECK(DumpWalAsText(disk, "db/MANIFEST-7", [&](std::string_view line) { last = line; }).ok());
  CHECK(good != (last.starts_with("DAMAGED") || last.starts_with("NEWER FORMAT")));
}

void Run(std::string_view input) {
  const std::string_view file = input.substr(0, kMostFileBytes);
  const auto state = ReadManifest(file, kNumber);
  const second::ManifestOpinion opinion = second::JudgeManifest(file, kNumber);
  CHECK(state.ok() != opinion.refused);
  if (state.ok()) {
    CHECK(state->edits == static_cast<uint64_t>(opinion.edits));
    CHECK(state->torn_tail == opinion.torn);
    CheckSnapshot(*state);
  } else {
    CHECK(std::string(state.status().message()).find("rule " + opinion.rule) != std::string::npos);
  }
  CheckDump(file, state.ok());

  const auto current = DecodeCurrent(input);
  const auto second_current = second::ReadCurrent(input);
  CHECK(current.ok() == second_current.has_value());
  if (current.ok()) CHECK(*current == *second_current);
}

TableRecord Table(int level, uint64_t number) {
  TableRecord table;
  table.level = level;
  table.number = number;
  table.summary.smallest_key = "a";
  table.summary.largest_key = "b";
  return table;
}

std::string ValidManifest(uint64_t edits) {
  TestDisk disk;
  VersionEdit snapshot;
  snapshot.added = {Table(0, 4), Table(1, 2)};
  snapshot.wal_floor = 5;
  snapshot.wal_floor_first_sequence = 10;
  snapshot.next_file_number = 8;
  snapshot.next_sequence = 12;
  ManifestMaker maker(disk, "db", kEpoch, kNumber, snapshot);
  while (!*maker.Advance()) {
  }
  const auto writer = maker.TakeWriter();
  for (uint64_t i = 0; i < edits; ++i) {
    VersionEdit edit;
    edit.removed = {{0, 4 + i * 100}};
    edit.added = {Table(0, 104 + i * 100)};
    edit.wal_floor = 6 + i;
    edit.wal_floor_first_sequence = 20 + i;
    const std::string payload = edit.Encode();
    const std::string_view piece = payload;
    CHECK(writer->Append(ManifestFrame(i + 2), {&piece, 1}).ok());
    CHECK(writer->Sync().ok());
  }
  return disk.files.at("db/MANIFEST-7")->bytes;
}

}  // namespace
}  // namespace lumen

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const uint64_t edits : {uint64_t{0}, uint64_t{1}, uint64_t{4}}) {
    lumen::WriteSeed(*argc, *argv, "seed-" + std::to_string(edits), lumen::ValidManifest(edits));
  }
  lumen::WriteSeed(*argc, *argv, "seed-current", lumen::EncodeCurrent(12));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lumen::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

// Most of the time changes bytes of one frame or of the header block, then mends the checksums.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  constexpr size_t kNearBytes = 160;
  const size_t frame = lumen::kHeaderBlockBytes + seed / 64 % 5 * lumen::kSectorBytes;
  if (seed % 4 != 0 && size > frame + kNearBytes) {
    const size_t at = seed % 16 == 1 ? 0 : frame;
    LLVMFuzzerMutate(data + at, kNearBytes, kNearBytes);
  } else {
    size = LLVMFuzzerMutate(data, size, max_size);
  }
  if (seed % 8 == 0) return size;
  std::string file(reinterpret_cast<const char*>(data), size);
  lumen::MendFile(lumen::FramedFileKind::kManifest, lumen::kNumber, lumen::kEpoch, file);
  std::memcpy(data, file.data(), file.size());
  return size;
}
