#include "client/kv_client.h"

#include "client/call.h"

namespace lumen {
namespace {

using std::chrono::milliseconds;
using v1::KeyValue;

}  // namespace

KvClient::KvClient(Connection& connection)
    : connection_(connection), stub_(KeyValue::NewStub(connection.channel())) {}

KvClient::~KvClient() = default;

absl::StatusOr<v1::GetResponse> KvClient::Get(const v1::GetRequest& request) {
  v1::GetResponse response;
  absl::Status status = RetryOverload(connection_, [&](milliseconds left) {
    return CallOnce(connection_, "get", *stub_, &KeyValue::Stub::Get, request, response, left);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::MultiGetResponse> KvClient::MultiGet(const v1::MultiGetRequest& request) {
  v1::MultiGetResponse response;
  absl::Status status = RetryOverload(connection_, [&](milliseconds left) {
    return CallOnce(connection_, "multi-get", *stub_, &KeyValue::Stub::MultiGet, request, response,
                    left);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::PutResponse> KvClient::Put(const v1::PutRequest& request) {
  v1::PutResponse response;
  absl::Status status = CallOnce(connection_, "put", *stub_, &KeyValue::Stub::Put, request,
                                 response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::DeleteResponse> KvClient::Delete(const v1::DeleteRequest& request) {
  v1::DeleteResponse response;
  absl::Status status = CallOnce(connection_, "del", *stub_, &KeyValue::Stub::Delete, request,
                                 response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::WriteResponse> KvClient::Write(const v1::WriteRequest& request) {
  v1::WriteResponse response;
  absl::Status status = CallOnce(connection_, "write", *stub_, &KeyValue::Stub::Write, request,
                                 response, connection_.options().timeout);
  if (!status.ok()) return status;
  return response;
}

absl::Status KvClient::Scan(const v1::ScanRequest& request, const OnEntries& on_entries) {
  const ConnectionOptions& options = connection_.options();
  // A count is all that comes, at the end.
  const milliseconds pause = request.count_only() ? options.long_call_timeout : options.timeout;
  bool began = false;
  absl::Status end;
  const auto scan = [&](milliseconds) {
    end = ReadStream<v1::ScanResponse>(
        connection_, "scan",
        [&](auto* context, auto* queue, void* tag) {
          return stub_->AsyncScan(context, request, queue, tag);
        },
        pause,
        [&](const v1::ScanResponse& message) {
          began = true;
          return on_entries(message);
        });
    // What has delivered entries must not begin again.
    return began ? absl::OkStatus() : end;
  };
  const absl::Status status = RetryOverload(connection_, scan);
  return began ? end : status;
}

}  // namespace lumen
