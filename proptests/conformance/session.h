#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/mutex.h"
#include "proptests/conformance/target.h"

namespace lumen::conformance {

// How a call ended, its error details taken apart.
struct Outcome {
  grpc::Status status;
  std::string reason;  // of google.rpc.ErrorInfo; empty: it carries none
  std::string domain;
  bool has_retry_delay = false;  // google.rpc.RetryInfo
  bool has_pushback = false;     // grpc-retry-pushback-ms
};
Outcome ToOutcome(const grpc::Status& status, const grpc::ClientContext& context);

// A whole scan.
struct Scanned {
  std::vector<v1::ScanResponse::Entry> entries;
  std::vector<v1::ScanResponse> messages;  // without their entries
  std::vector<size_t> message_bytes;

  std::vector<std::string> keys() const;
  uint64_t count() const { return messages.empty() ? 0 : messages.back().count(); }
};

// A context that gives up long after any server has answered.
std::unique_ptr<grpc::ClientContext> NewContext();
// As text, other bytes escaped, cut to a readable length.
std::string Show(std::string_view bytes);
inline std::string Show(uint64_t number) { return std::to_string(number); }
std::string Show(const std::vector<std::string>& list);

// What one row works with: keys that no other row and no other run has, calls that are expected to
// succeed, and a list of what it found wrong. Thread-safe.
class Session {
 public:
  // Row and run make the keys.
  Session(Target& target, const std::string& run, const std::string& row)
      : target_(target), prefix_(absl::StrCat("conformance/", run, "/", row, "/")) {}

  Target& target() { return target_; }
  const Limits& limits() const { return target_.limits; }
  // Every key of this row begins so. UTF-8.
  const std::string& prefix() const { return prefix_; }
  std::string Key(const std::string& name) const { return absl::StrCat(prefix_, name); }

  void Expect(bool holds, const std::string& what);
  template <typename Got, typename Wanted>
  void Equal(const Got& got, const Wanted& wanted, const std::string& what) {
    if (got == wanted) return;
    Expect(false, absl::StrCat(what, " is ", Show(got), " instead of ", Show(wanted)));
  }
  // A refusal of ours: with its code, its reason, and words that name what is wrong.
  void Refused(const Outcome& outcome, grpc::StatusCode code, const std::string& reason,
               const std::string& words);
  std::vector<std::string> complaints();

  // lumen.v1, each expected to be answered OK; otherwise a complaint and an empty answer.
  v1::PutResponse Put(const std::string& key, const std::string& value,
                      v1::Durability durability = v1::DURABILITY_UNSPECIFIED);
  v1::GetResponse Get(const std::string& key);
  v1::DeleteResponse Delete(const std::string& key);
  v1::WriteResponse Write(const v1::WriteRequest& request);
  v1::MultiGetResponse MultiGet(const std::vector<std::string>& keys);
  Scanned Scan(const v1::ScanRequest& request);
  // All keys of this row.
  Scanned ScanAll();
  // kv.KeyValueStore, likewise.
  void OriginalPut(const std::string& key, const std::string& value);
  std::optional<std::string> OriginalGet(const std::string& key);
  bool OriginalDelete(const std::string& key);

  // Any unary call, whatever comes of it.
  template <typename Stub, typename Request, typename Response>
  Outcome Try(Stub& stub,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request) {
    const auto context = NewContext();
    Response response;
    return ToOutcome((stub.*method)(context.get(), request, &response), *context);
  }
  Outcome TryScan(const v1::ScanRequest& request);
  // Any bytes to any method, "/package.Service/Method".
  Outcome TryRaw(const std::string& method, const std::string& body);

 private:
  template <typename Stub, typename Request, typename Response>
  Response Call(Stub& stub,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request, const std::string& name) {
    const auto context = NewContext();
    Response response;
    Answered((stub.*method)(context.get(), request, &response), name);
    return response;
  }
  void Answered(const grpc::Status& status, const std::string& name);

  Target& target_;
  const std::string prefix_;
  Mutex mutex_;
  std::vector<std::string> complaints_ GUARDED_BY(mutex_);
};

}  // namespace lumen::conformance
