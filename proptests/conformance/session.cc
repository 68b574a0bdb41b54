#include "proptests/conformance/session.h"

#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace lumen::conformance {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr size_t kMaxShownBytes = 80;
// More would say nothing new about a row.
constexpr size_t kMaxComplaints = 5;

}  // namespace

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  return context;
}

std::string Show(std::string_view bytes) {
  const std::string shown =
      absl::StrCat("\"", absl::CHexEscape(std::string(bytes.substr(0, kMaxShownBytes))), "\"");
  if (bytes.size() <= kMaxShownBytes) return shown;
  return absl::StrCat(shown, "... (", bytes.size(), " bytes)");
}

std::string Show(const std::vector<std::string>& list) {
  return absl::StrCat("[",
                      absl::StrJoin(list, ", ",
                                    [](std::string* out, const std::string& element) {
                                      out->append(Show(element));
                                    }),
                      "]");
}

Outcome ToOutcome(const grpc::Status& status, const grpc::ClientContext& context) {
  Outcome outcome;
  outcome.status = status;
  outcome.has_pushback = context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms") != 0;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return outcome;
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) {
      outcome.reason = info.reason();
      outcome.domain = info.domain();
    }
    outcome.has_retry_delay |= detail.Is<google::rpc::RetryInfo>();
  }
  return outcome;
}

std::vector<std::string> Scanned::keys() const {
  std::vector<std::string> keys;
  for (const auto& entry : entries) keys.push_back(entry.key());
  return keys;
}

void Session::Expect(bool holds, const std::string& what) {
  if (holds) return;
  MutexLock lock(mutex_);
  if (complaints_.size() < kMaxComplaints) complaints_.push_back(what);
}

std::vector<std::string> Session::complaints() {
  MutexLock lock(mutex_);
  return complaints_;
}

void Session::Refused(const Outcome& outcome, grpc::StatusCode code, const std::string& reason,
                      const std::string& words) {
  const grpc::Status& status = outcome.status;
  const std::string got = absl::StrCat("code ", static_cast<int>(status.error_code()), " ",
                                       outcome.reason, ": ", Show(status.error_message()));
  Expect(status.error_code() == code && outcome.reason == reason,
         absl::StrCat("expected code ", static_cast<int>(code), " ", reason, ", got ", got));
  Expect(absl::StrContains(status.error_message(), words),
         absl::StrCat("expected the words ", Show(words), ", got ", got));
  Expect(outcome.domain == "lumen", absl::StrCat("the domain is ", Show(outcome.domain)));
  Expect(outcome.has_retry_delay == outcome.has_pushback,
         "RetryInfo and grpc-retry-pushback-ms do not go together");
}

void Session::Answered(const grpc::Status& status, const std::string& name) {
  if (status.ok()) return;
  Expect(false, absl::StrCat(name, " failed with code ", static_cast<int>(status.error_code()),
                             ": ", Show(status.error_message())));
}

v1::PutResponse Session::Put(const std::string& key, const std::string& value,
                             v1::Durability durability) {
  v1::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  request.set_durability(durability);
  return Call(*target_.store, &v1::KeyValue::Stub::Put, request, "Put");
}

v1::GetResponse Session::Get(const std::string& key) {
  v1::GetRequest request;
  request.set_key(key);
  return Call(*target_.store, &v1::KeyValue::Stub::Get, request, "Get");
}

v1::DeleteResponse Session::Delete(const std::string& key) {
  v1::DeleteRequest request;
  request.set_key(key);
  return Call(*target_.store, &v1::KeyValue::Stub::Delete, request, "Delete");
}

v1::WriteResponse Session::Write(const v1::WriteRequest& request) {
  return Call(*target_.store, &v1::KeyValue::Stub::Write, request, "Write");
}

v1::MultiGetResponse Session::MultiGet(const std::vector<std::string>& keys) {
  v1::MultiGetRequest request;
  for (const std::string& key : keys) request.add_keys(key);
  v1::MultiGetResponse response =
      Call(*target_.store, &v1::KeyValue::Stub::MultiGet, request, "MultiGet");
  Equal(static_cast<uint64_t>(response.results_size()), keys.size(), "the number of results");
  // So that rows may look at each result even after that.
  while (static_cast<size_t>(response.results_size()) < keys.size()) response.add_results();
  return response;
}

Scanned Session::Scan(const v1::ScanRequest& request) {
  const auto context = NewContext();
  const auto reader = target_.store->Scan(context.get(), request);
  Scanned scanned;
  v1::ScanResponse message;
  while (reader->Read(&message)) {
    scanned.message_bytes.push_back(message.ByteSizeLong());
    for (auto& entry : *message.mutable_entries()) scanned.entries.push_back(std::move(entry));
    message.clear_entries();
    scanned.messages.push_back(message);
  }
  Answered(reader->Finish(), "Scan");
  Expect(!scanned.messages.empty(), "Scan ended without a message");
  return scanned;
}

Scanned Session::ScanAll() {
  v1::ScanRequest request;
  request.set_prefix(prefix_);
  return Scan(request);
}

void Session::OriginalPut(const std::string& key, const std::string& value) {
  kv::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  const kv::PutResponse response =
      Call(*target_.original, &kv::KeyValueStore::Stub::Put, request, "kv Put");
  Expect(response.success(), "kv Put did not say success");
}

std::optional<std::string> Session::OriginalGet(const std::string& key) {
  kv::GetRequest request;
  request.set_key(key);
  const kv::GetResponse response =
      Call(*target_.original, &kv::KeyValueStore::Stub::Get, request, "kv Get");
  return response.found() ? std::optional(response.value()) : std::nullopt;
}

bool Session::OriginalDelete(const std::string& key) {
  kv::DeleteRequest request;
  request.set_key(key);
  return Call(*target_.original, &kv::KeyValueStore::Stub::Delete, request, "kv Delete").success();
}

Outcome Session::TryScan(const v1::ScanRequest& request) {
  const auto context = NewContext();
  const auto reader = target_.store->Scan(context.get(), request);
  v1::ScanResponse message;
  while (reader->Read(&message)) {
  }
  return ToOutcome(reader->Finish(), *context);
}

Outcome Session::TryRaw(const std::string& method, const std::string& body) {
  grpc::GenericStub stub(target_.channel);
  const grpc::Slice slice(body);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  const auto context = NewContext();
  std::promise<grpc::Status> done;
  stub.UnaryCall(context.get(), method, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return ToOutcome(done.get_future().get(), *context);
}

}  // namespace lumen::conformance
