#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/database_state.h"
#include "engine/engine.h"
#include "engine/executor.h"

namespace lumen {

// State of a key as of some sequence: what preconditions and `existed` are decided on.
struct KeyReading {
  bool present = false;
  SequenceNumber sequence = 0;  // that wrote it, if present
  bool holds = false;           // the precondition that it was read for
  // Kept of the first key whose precondition does not hold only: a thousand preconditions must not
  // cost a thousand values.
  std::optional<std::string> value;
  SequenceNumber as_of = 0;  // newest sequence the reading took into account
};

// One call of Write, WriteAsync or Flush on its way through the commit pipeline. A blocking caller
// owns its request on its stack; an asynchronous one is owned by the pipeline.
struct WriteRequest {
  enum class Kind : uint8_t {
    kWrite,
    kSwitch,  // make the active memtable immutable, if it holds anything
  };
  Kind kind = Kind::kWrite;

  std::string_view payload;  // encoded operations
  uint32_t operations = 0;
  size_t user_bytes = 0;
  const WriteOptions* options = nullptr;
  bool only_deletes = false;

  // Asynchronous: what the views above point into, and whom to tell.
  WriteBatch owned_batch;
  WriteOptions owned_options;
  Engine::WriteCallback callback;

  // What the leader needs to know of keys that are not in memory, read before the request was
  // queued: one for each precondition, then, with report_existed, one for each delete.
  std::vector<KeyReading> readings;
  bool conditional() const { return !readings.empty(); }

  absl::Status status;
  WriteResult result;

  // Blocking callers. `wake` fires when the request is finished or its caller is to lead; a caller
  // that leads but whose group has to wait for a flush learns of the end by `done`.
  bool blocking = false;
  bool leads = false;
  Completion wake;
  Completion done;
};

}  // namespace lumen
