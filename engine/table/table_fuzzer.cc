// Whatever the bytes, opening, reading both ways, seeking, verifying and dumping a table end
// without touching memory that is not theirs; and a table that verifies answers like the list of
// its entries. The mutator mends checksums, so that the structure behind them is reached.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/table/table.h"
#include "engine/table/table_parts_testing.h"
#include "engine/table/table_testing.h"

namespace lumen {
namespace {

using table_testing::OwnedEntry;
using table_testing::StoredPart;
using table_testing::TableParts;

constexpr size_t kMostEntries = 5000;

std::vector<OwnedEntry> ReadForward(InternalIterator& iterator) {
  std::vector<OwnedEntry> entries;
  iterator.SeekToFirst();
  for (; iterator.valid() && entries.size() < kMostEntries; iterator.Next()) {
    entries.push_back(table_testing::Own(iterator.entry()));
  }
  return entries;
}

std::vector<OwnedEntry> ReadBackward(InternalIterator& iterator) {
  std::vector<OwnedEntry> entries;
  iterator.SeekToLast();
  for (; iterator.valid() && entries.size() < kMostEntries; iterator.Prev()) {
    entries.push_back(table_testing::Own(iterator.entry()));
  }
  return entries;
}

void Probe(const TableReader& table, InternalIterator& iterator, const OwnedEntry& entry,
           bool verified) {
  const auto hit = table.Get(entry.key, entry.sequence);
  iterator.Seek(entry.key, entry.sequence);
  if (verified) {
    CHECK(hit.ok());
    CHECK(hit->has_value());
    CHECK(table_testing::Own((*hit)->entry) == entry);
    CHECK(iterator.valid());
    CHECK(table_testing::Own(iterator.entry()) == entry);
  }
  (void)table.Get(entry.key + '\0', kMaxSequence);
  iterator.SeekBefore(entry.key, kMaxSequence);
  if (iterator.valid()) iterator.Next();
}

void ReadTable(const std::string& bytes, bool lends, bool fill_cache) {
  BlockCache cache(uint64_t{1} << 18);
  const auto table = table_testing::OpenTable(bytes, cache, lends);
  if (!table.ok()) return;
  const bool verified = (*table)->Verify().ok();
  const auto iterator = (*table)->NewIterator(fill_cache);
  const std::vector<OwnedEntry> entries = ReadForward(*iterator);
  std::vector<OwnedEntry> backward = ReadBackward(*iterator);
  if (verified && entries.size() < kMostEntries) {
    std::reverse(backward.begin(), backward.end());
    CHECK(entries == backward);
    CHECK(entries.size() == (*table)->properties().entries);
  }
  const size_t step = std::max<size_t>(entries.size() / 16, 1);
  for (size_t i = 0; i < entries.size(); i += step) {
    Probe(**table, *iterator, entries[i], verified);
  }
  Probe(**table, *iterator, {"", 1, EntryKind::kPut, ""}, false);
  Probe(**table, *iterator, {"zz", 1, EntryKind::kPut, ""}, false);
}

std::string SeedTable(size_t entries, const TableOptions& options, size_t value_bytes) {
  std::vector<OwnedEntry> list;
  for (size_t i = 0; i < entries; ++i) {
    const std::string key = "key" + std::string(1, static_cast<char>('a' + i % 7));
    const bool deleted = i % 5 == 4;
    list.push_back({key, i + 1, deleted ? EntryKind::kDelete : EntryKind::kPut,
                    deleted ? "" : std::string(value_bytes, static_cast<char>('a' + i % 3))});
  }
  std::sort(list.begin(), list.end());
  return table_testing::BuildTable(list, options).bytes;
}

StoredPart& PickPart(TableParts& parts, std::mt19937& random) {
  const size_t pick = random() % (parts.blocks.size() + 3);
  if (pick == 0) return parts.filter;
  if (pick == 1) return parts.index;
  if (pick == 2) return parts.properties;
  return parts.blocks[pick - 3];
}

}  // namespace
}  // namespace lumen

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string corpus = (*argv)[*argc - 1];
  if (corpus.empty() || corpus[0] == '-') return 0;
  const std::string seeds[] = {
      lumen::SeedTable(1, {}, 3),
      lumen::SeedTable(20, {.block_bytes = 100, .bloom_bits_per_key = 0}, 5),
      lumen::SeedTable(60, {.block_bytes = 128}, 20),
      lumen::SeedTable(60, {.block_bytes = 512, .lz4 = true}, 40),
      lumen::SeedTable(3, {.block_bytes = 128, .lz4 = true}, 70'000),
      lumen::SeedTable(3, {.block_bytes = 128, .lz4 = true}, 1),
      lumen::SeedTable(2, {.block_bytes = 128}, 70'000),
  };
  int number = 0;
  for (const std::string& seed : seeds) {
    std::ofstream file(corpus + "/seed-" + std::to_string(number++), std::ios::binary);
    file << seed;
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::mt19937 random(seed);
  auto parts =
      lumen::table_testing::TableParts::Disassemble({reinterpret_cast<const char*>(data), size});
  if (!parts || random() % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  lumen::table_testing::StoredPart& part = lumen::PickPart(*parts, random);
  if (random() % 16 == 0) part.compression = static_cast<char>(random() % 3);
  // Rarely of another length: offsets and counts then stay plausible.
  const size_t room = random() % 4 == 0 ? 16 : 0;
  const size_t length = part.payload.size();
  part.payload.resize(length + room);
  if (!part.payload.empty()) {
    part.payload.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(part.payload.data()), length,
                                         part.payload.size()));
  }
  const std::string bytes = parts->Assemble();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  lumen::ReadTable(bytes, size % 2 == 0, size % 4 < 2);
  return 0;
}
