#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

using AdminStub = v1::Admin::Stub;

constexpr int kDeleters = 8;
constexpr int kDeleteRounds = 25;

void OriginalReadYourWrite(Session& s) {
  s.OriginalPut(s.Key("k"), std::string("\x00\xff", 2));
  s.Expect(s.OriginalGet(s.Key("k")) == std::string("\x00\xff", 2), "the value is another");
  s.OriginalPut(s.Key("k"), "");
  s.Expect(s.OriginalGet(s.Key("k")) == "", "an empty value is not found");
  s.Expect(s.OriginalDelete(s.Key("k")), "the key did not exist for its Delete");
  s.Expect(!s.OriginalDelete(s.Key("k")), "the key existed for a second Delete");
  s.Expect(!s.OriginalGet(s.Key("k")).has_value(), "the key is found after its Delete");
}

void OriginalConcurrentDeletes(Session& s) {
  for (int round = 0; round < kDeleteRounds; ++round) {
    s.OriginalPut(s.Key("k"), "v");
    std::atomic<int> existed = 0;
    std::vector<std::jthread> deleters;
    for (int i = 0; i < kDeleters; ++i) {
      // Half of them through the other service.
      deleters.emplace_back([&s, &existed, i] {
        const bool one = i % 2 == 0 ? s.OriginalDelete(s.Key("k")) : s.Delete(s.Key("k")).existed();
        existed += one ? 1 : 0;
      });
    }
    deleters.clear();
    s.Equal(static_cast<uint64_t>(existed.load()), uint64_t{1},
            "the number of concurrent Deletes that succeed");
  }
}

void OneStore(Session& s) {
  const std::string key = s.Key("\xc3\xa4\xe9\x8d\xb5");
  s.OriginalPut(key, "by kv");
  const v1::GetResponse read = s.Get(key);
  s.Equal(read.value(), "by kv", "what lumen.v1 reads");
  s.Expect(read.sequence() > 0, "a write by kv has no sequence");
  s.Equal(s.ScanAll().keys(), std::vector<std::string>{key}, "what a scan sees");
  s.Put(key, "by lumen.v1");
  s.Expect(s.OriginalGet(key) == "by lumen.v1", "kv does not read what lumen.v1 put");
  s.Expect(s.OriginalDelete(key), "kv does not delete what lumen.v1 put");
  s.Expect(!s.Get(key).found(), "lumen.v1 finds what kv deleted");
}

void NotUtf8(Session& s) {
  const std::string key = s.Key("\xff");
  s.Put(key, "v");
  s.Equal(s.Get(key).value(), "v", "its value");
  s.Equal(s.ScanAll().keys(), std::vector<std::string>{key}, "what a scan sees");
  // As bytes: protobuf's own encoder refuses such a string.
  v1::GetRequest body;
  body.set_key(key);
  for (const char* method : {"Get", "Put", "Delete"}) {
    s.Refused(s.TryRaw(absl::StrCat("/kv.KeyValueStore/", method), body.SerializeAsString()),
              grpc::StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", "key is not valid UTF-8");
  }
  s.Equal(s.Get(key).value(), "v", "its value afterwards");
}

template <typename Request, typename Response>
Response Ask(Session& s,
             grpc::Status (AdminStub::*method)(grpc::ClientContext*, const Request&, Response*),
             const Request& request) {
  const auto context = NewContext();
  Response response;
  const grpc::Status status = (s.target().admin.get()->*method)(context.get(), request, &response);
  s.Expect(status.ok(), absl::StrCat("an admin call failed: ", status.error_message()));
  return response;
}

void StatusTells(Session& s) {
  const v1::PutResponse put = s.Put(s.Key("k"), "v");
  const auto status = Ask(s, &AdminStub::Status, v1::StatusRequest());
  s.Expect(!status.version().empty(), "no version");
  s.Expect(!status.data_directory().empty(), "no data directory");
  s.Expect(status.visible_sequence() >= put.sequence(), "visible_sequence is behind");
  s.Expect(status.durable_sequence() >= put.durable_sequence(), "durable_sequence is behind");
  s.Equal(status.read_only_reason(), "", "read_only_reason");
  s.Expect(status.calls() >= 1, "the call itself is not counted");
  s.Expect(status.levels_size() >= 1, "no levels");
  s.Expect(status.writes().operations() >= 1, "the write is not counted");
  s.Expect(status.disk_free_bytes() > 0, "no free disk");
}

void FlushAndCompactKeepEverything(Session& s) {
  s.Put(s.Key("kept"), "v", v1::DURABILITY_ASYNC);
  s.Put(s.Key("deleted"), "v");
  s.Delete(s.Key("deleted"));
  Ask(s, &AdminStub::Flush, v1::FlushRequest());
  s.Equal(s.ScanAll().keys(), std::vector<std::string>{s.Key("kept")}, "the keys after Flush");
  Ask(s, &AdminStub::Compact, v1::CompactRequest());
  s.Equal(s.ScanAll().keys(), std::vector<std::string>{s.Key("kept")}, "the keys after Compact");
  s.Equal(s.Get(s.Key("kept")).value(), "v", "the value after Compact");
}

void VerifyEnds(Session& s) {
  s.Put(s.Key("k"), "v");
  Ask(s, &AdminStub::Flush, v1::FlushRequest());
  const auto context = NewContext();
  const auto reader = s.target().admin->Verify(context.get(), {});
  v1::VerifyResponse message;
  v1::VerifyResponse last;
  while (reader->Read(&message)) {
    s.Expect(!last.done(), "a message after the last one");
    s.Expect(message.tables_done() >= last.tables_done(), "tables_done fell");
    s.Expect(message.bytes_done() >= last.bytes_done(), "bytes_done fell");
    s.Equal(static_cast<uint64_t>(message.corruptions_size()), uint64_t{0}, "corruptions");
    last = message;
  }
  s.Expect(reader->Finish().ok(), "Verify failed");
  s.Expect(last.done(), "the last message does not say done");
  s.Expect(last.tables_total() >= 1, "no table was read");
  s.Equal(last.tables_done(), last.tables_total(), "tables_done at the end");
  s.Equal(last.bytes_done(), last.bytes_total(), "bytes_done at the end");
}

void CheckpointNames(Session& s) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".hidden"), std::string("a/b"),
        std::string("../a"), std::string("a b"), std::string("\xc3\xa4"), std::string(129, 'a')}) {
    v1::CheckpointRequest request;
    request.set_name(name);
    s.Refused(s.Try(*s.target().admin, &AdminStub::Checkpoint, request),
              grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "name");
  }
}

void CheckpointIsMade(Session& s) {
  v1::CheckpointRequest request;
  std::string name = s.prefix();
  std::replace(name.begin(), name.end(), '/', '_');
  request.set_name(name);
  const auto made = Ask(s, &AdminStub::Checkpoint, request);
  s.Expect(made.directory().ends_with(name), "the directory does not end in the name");
  s.Refused(s.Try(*s.target().admin, &AdminStub::Checkpoint, request),
            grpc::StatusCode::ALREADY_EXISTS, "EXISTS", name);
}

void LogLevels(Session& s) {
  const std::string first = Ask(s, &AdminStub::Status, v1::StatusRequest()).log_level();
  v1::SetLogLevelRequest request;
  request.set_level("debug");
  const Outcome set = s.Try(*s.target().admin, &AdminStub::SetLogLevel, request);
  if (set.status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return s.Refused(set, grpc::StatusCode::UNIMPLEMENTED, "NOT_SUPPORTED", "log level");
  }
  s.Equal(Ask(s, &AdminStub::Status, v1::StatusRequest()).log_level(), "debug", "the level");
  request.set_level(first);
  const auto back = Ask(s, &AdminStub::SetLogLevel, request);
  s.Equal(back.previous_level(), "debug", "the previous level");
  request.set_level("loud");
  s.Refused(s.Try(*s.target().admin, &AdminStub::SetLogLevel, request),
            grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "level");
}

void ConfigNamesSources(Session& s) {
  const auto config = Ask(s, &AdminStub::GetConfig, v1::GetConfigRequest());
  for (const v1::ConfigValue& value : config.values()) {
    s.Expect(!value.name().empty(), "a value without a name");
    s.Expect(!value.source().empty(), absl::StrCat(value.name(), " has no source"));
  }
}

void Healthy(Session& s) {
  for (const char* service : {"", "kv.KeyValueStore", "lumen.v1.KeyValue", "lumen.v1.Admin"}) {
    const auto context = NewContext();
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = s.target().health->Check(context.get(), request, &response);
    s.Expect(status.ok() && response.status() == grpc::health::v1::HealthCheckResponse::SERVING,
             absl::StrCat("health of '", service, "' is not SERVING"));
  }
}

}  // namespace

std::vector<Row> ServiceRows() {
  return {
      {"kv.put_get_delete", "kv.KeyValueStore puts, gets and deletes", OriginalReadYourWrite},
      {"kv.delete.concurrent", "Of concurrent Deletes through both services one says it was there",
       OriginalConcurrentDeletes},
      {"kv.one_store", "Both services see one store; a string key is its UTF-8 bytes", OneStore},
      {"kv.not_utf8", "A key that is not UTF-8 is there for lumen.v1, and refused by kv", NotUtf8},
      {"admin.status", "Status tells version, directory, sequences and counts", StatusTells},
      {"admin.flush_compact", "Flush and Compact change nothing that a client sees",
       FlushAndCompactKeepEverything},
      {"admin.verify", "Verify reads every table and says done at the end", VerifyEnds},
      {"admin.checkpoint.names", "A checkpoint's name is a plain file name", CheckpointNames},
      {"admin.checkpoint", "A checkpoint is made once under a name (only with --checkpoint)",
       CheckpointIsMade},
      {"admin.log_level", "The log level is set to one that there is", LogLevels},
      {"admin.config", "GetConfig names each value and its source", ConfigNamesSources},
      {"health.serving", "Health says SERVING, of each service too", Healthy},
  };
}

}  // namespace lumen::conformance
