#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/connection.h"
#include "lumen/v1/kv.grpc.pb.h"

namespace lumen {

// Talks lumen.v1.KeyValue: any bytes as keys, batches with preconditions, scans. Thread-safe; the
// calls block. What requests and answers mean, and which errors there are, stands in
// proto/lumen/v1/kv.proto; client/call_error.h reads them.
//
// Reads are tried again, within the timeout, while the server is overloaded. Writes never are:
// whether a failed one is in doubt says IsInDoubt().
class KvClient {
 public:
  // `connection` must outlive the client.
  explicit KvClient(Connection& connection);
  ~KvClient();
  KvClient(const KvClient&) = delete;
  KvClient& operator=(const KvClient&) = delete;

  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request);
  absl::StatusOr<v1::MultiGetResponse> MultiGet(const v1::MultiGetRequest& request);
  absl::StatusOr<v1::PutResponse> Put(const v1::PutRequest& request);
  absl::StatusOr<v1::DeleteResponse> Delete(const v1::DeleteRequest& request);
  absl::StatusOr<v1::WriteResponse> Write(const v1::WriteRequest& request);

  // Called for each message in order, on the caller's thread; the server waits meanwhile. False
  // ends the scan, which is then OK. A scan that only counts takes as long as the data is large
  // (ConnectionOptions::long_call_timeout).
  using OnEntries = std::function<bool(const v1::ScanResponse&)>;
  absl::Status Scan(const v1::ScanRequest& request, const OnEntries& on_entries);

 private:
  Connection& connection_;
  const std::unique_ptr<v1::KeyValue::Stub> stub_;
};

}  // namespace lumen
