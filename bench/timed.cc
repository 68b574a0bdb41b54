#include "bench/timed.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace lumen::bench {
namespace {

constexpr uint64_t kSampleEvery = 16;

// Runs operation(i) for i in [0, count).
template <typename Operation>
absl::StatusOr<TimedRun> Repeat(uint64_t count, const Operation& operation) {
  TimedRun run;
  run.operations = count;
  const int64_t began_ns = NowNanos();
  for (uint64_t i = 0; i < count; ++i) {
    if (i % kSampleEvery != 0) {
      RETURN_IF_ERROR(operation(i));
      continue;
    }
    const int64_t start_ns = NowNanos();
    RETURN_IF_ERROR(operation(i));
    run.sampled.Record(NowNanos() - start_ns);
  }
  run.elapsed_ns = NowNanos() - began_ns;
  return run;
}

}  // namespace

absl::StatusOr<TimedRun> PutAsync(Engine& engine, KeyFunction make_key, const ValueSource& values,
                                  uint64_t first, uint64_t count) {
  std::string key;
  WriteBatch batch;
  WriteOptions options;
  options.durability = Durability::kAsync;
  return Repeat(count, [&](uint64_t i) {
    make_key(first + i, key);
    batch.Clear();
    batch.Put(key, values.Value(first + i));
    return engine.Write(batch, options).status();
  });
}

absl::StatusOr<TimedRun> GetAtRandom(Engine& engine, KeyFunction make_key,
                                     const ValueSource& values, uint64_t keys, uint64_t count,
                                     uint64_t seed) {
  std::string key;
  return Repeat(count, [&](uint64_t i) {
    const uint64_t number = Scatter(seed ^ (i << 20)) % keys;
    make_key(number, key);
    const auto found = engine.Get(key);
    RETURN_IF_ERROR(found.status());
    if (!found->has_value() || (*found)->value != values.Value(number)) {
      return absl::DataLossError(absl::StrCat("key ", key, " is not what was put"));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<TimedRun> ScanAll(Engine& engine, Direction direction, uint64_t keys) {
  const bool forward = direction == Direction::kForward;
  TimedRun run;
  const int64_t began_ns = NowNanos();
  const auto iterator = engine.NewIterator(IteratorOptions{});
  uint64_t bytes = 0;
  for (forward ? iterator->SeekToFirst() : iterator->SeekToLast(); iterator->valid();
       forward ? iterator->Next() : iterator->Prev()) {
    bytes += iterator->key().size() + iterator->value().size();
    ++run.operations;
  }
  run.elapsed_ns = NowNanos() - began_ns;
  RETURN_IF_ERROR(iterator->status());
  if (run.operations != keys || bytes != keys * kEntryBytes) {
    return absl::DataLossError(absl::StrCat("a scan met ", run.operations, " entries of ", bytes,
                                            " bytes; ", keys, " were put"));
  }
  return run;
}

}  // namespace lumen::bench
