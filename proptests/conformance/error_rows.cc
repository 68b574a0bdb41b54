#include <google/protobuf/descriptor.h>

#include <chrono>
#include <string>
#include <vector>

#include "proptests/conformance/rows.h"

namespace lumen::conformance {
namespace {

using Store = v1::KeyValue::Stub;
using Original = kv::KeyValueStore::Stub;
using grpc::StatusCode;

void Invalid(Session& s, const Outcome& outcome, const std::string& words) {
  s.Refused(outcome, StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", words);
}

void EmptyKeys(Session& s) {
  Target& t = s.target();
  Invalid(s, s.Try(*t.store, &Store::Get, v1::GetRequest()), "key must not be empty");
  Invalid(s, s.Try(*t.store, &Store::Put, v1::PutRequest()), "key must not be empty");
  Invalid(s, s.Try(*t.store, &Store::Delete, v1::DeleteRequest()), "key must not be empty");
  Invalid(s, s.Try(*t.original, &Original::Get, kv::GetRequest()), "key must not be empty");
  Invalid(s, s.Try(*t.original, &Original::Put, kv::PutRequest()), "key must not be empty");
  Invalid(s, s.Try(*t.original, &Original::Delete, kv::DeleteRequest()), "key must not be empty");
  v1::MultiGetRequest many;
  many.add_keys("k");
  many.add_keys("");
  Invalid(s, s.Try(*t.store, &Store::MultiGet, many), "keys[1] must not be empty");
  v1::WriteRequest batch;
  batch.add_operations()->mutable_put();
  Invalid(s, s.Try(*t.store, &Store::Write, batch), "operations[0].put.key must not be empty");
  batch.mutable_operations(0)->mutable_delete_();
  Invalid(s, s.Try(*t.store, &Store::Write, batch), "operations[0].delete.key must not be empty");
}

void UnfinishedBatches(Session& s) {
  Store& store = *s.target().store;
  Invalid(s, s.Try(store, &Store::Write, v1::WriteRequest()), "operations must not be empty");
  v1::WriteRequest batch;
  batch.add_operations()->mutable_put()->set_key(s.Key("k"));
  batch.add_operations();
  Invalid(s, s.Try(store, &Store::Write, batch), "operations[1] must hold a put or a delete");
  batch.mutable_operations(1)->mutable_put()->set_key(s.Key("l"));
  batch.add_preconditions()->set_key(s.Key("k"));
  Invalid(s, s.Try(store, &Store::Write, batch), "preconditions[0] must hold one of");
  batch.mutable_preconditions(0)->set_exists(false);
  batch.mutable_preconditions(0)->clear_key();
  Invalid(s, s.Try(store, &Store::Write, batch), "preconditions[0].key must not be empty");
  s.Equal(s.ScanAll().count(), uint64_t{0}, "the number of keys that refused batches wrote");
}

void UnknownDurability(Session& s) {
  Store& store = *s.target().store;
  const auto unknown = static_cast<v1::Durability>(3);
  v1::PutRequest put;
  put.set_key(s.Key("k"));
  put.set_durability(unknown);
  Invalid(s, s.Try(store, &Store::Put, put), "durability is 3");
  v1::DeleteRequest del;
  del.set_key(s.Key("k"));
  del.set_durability(unknown);
  Invalid(s, s.Try(store, &Store::Delete, del), "durability is 3");
  v1::WriteRequest batch;
  batch.add_operations()->mutable_put()->set_key(s.Key("k"));
  batch.set_durability(unknown);
  Invalid(s, s.Try(store, &Store::Write, batch), "durability is 3");
  s.Expect(!s.Get(s.Key("k")).found(), "a refused write wrote");
}

// Of the descriptors, so that a method added later is there too.
template <typename Check>
void ForEachMethod(Session& s, Check check) {
  for (const char* name : {"kv.KeyValueStore", "lumen.v1.KeyValue", "lumen.v1.Admin"}) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    s.Expect(service != nullptr, absl::StrCat("no descriptor of ", name));
    if (service == nullptr) return;
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      check(absl::StrCat("/", name, "/", method.name()), method.input_type()->full_name());
    }
  }
}

void Malformed(Session& s) {
  ForEachMethod(s, [&s](const std::string& method, const std::string& type) {
    // A length beyond the end, a field number 0, a group that never ends.
    for (const std::string& body : {std::string("\x0a\x05"
                                                "ab"),
                                    std::string("\x02\x00", 2), std::string("\x0b")}) {
      s.Refused(s.TryRaw(method, body), StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", type);
    }
  });
}

void UnknownFields(Session& s) {
  v1::PutRequest put;
  put.set_key(s.Key("k"));
  put.set_value("v");
  // Field 1000, varint 7.
  const std::string unknown("\xc0\x3e\x07");
  const Outcome outcome = s.TryRaw("/lumen.v1.KeyValue/Put", put.SerializeAsString() + unknown);
  s.Expect(outcome.status.ok(), "lumen.v1 refuses a request with an unknown field");
  kv::PutRequest original;
  original.set_key(s.Key("original"));
  const Outcome original_outcome =
      s.TryRaw("/kv.KeyValueStore/Put", original.SerializeAsString() + unknown);
  s.Expect(original_outcome.status.ok(), "kv refuses a request with an unknown field");
  s.Equal(s.ScanAll().count(), uint64_t{2}, "the number of keys written");
}

void UnknownMethods(Session& s) {
  for (const char* method : {"/lumen.v1.KeyValue/Frobnicate", "/lumen.v2.KeyValue/Get", "/"}) {
    s.Expect(s.TryRaw(method, "").status.error_code() == StatusCode::UNIMPLEMENTED,
             absl::StrCat(method, " is not UNIMPLEMENTED"));
  }
}

void DeadlinePassed(Session& s) {
  v1::PutRequest put;
  put.set_key(s.Key("k"));
  v1::PutResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  const grpc::Status status = s.target().store->Put(&context, put, &response);
  s.Expect(status.error_code() == StatusCode::DEADLINE_EXCEEDED, "it is not DEADLINE_EXCEEDED");
  v1::ScanRequest request;
  request.set_prefix(s.prefix());
  grpc::ClientContext scan_context;
  scan_context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  const auto reader = s.target().store->Scan(&scan_context, request);
  v1::ScanResponse message;
  s.Expect(!reader->Read(&message), "a scan after its deadline has a message");
  s.Expect(reader->Finish().error_code() == StatusCode::DEADLINE_EXCEEDED,
           "a scan after its deadline is not DEADLINE_EXCEEDED");
  s.Expect(!s.Get(s.Key("k")).found(), "a Put after its deadline was applied");
}

void Cancelled(Session& s) {
  for (int i = 0; i < 50; ++i) {
    v1::PutRequest put;
    put.set_key(s.Key("k"));
    v1::PutResponse response;
    grpc::ClientContext context;
    context.TryCancel();
    s.Expect(s.target().store->Put(&context, put, &response).error_code() == StatusCode::CANCELLED,
             "a cancelled Put is not CANCELLED");
  }
  s.Put(s.Key("k"), "after");
  s.Equal(s.Get(s.Key("k")).value(), "after", "the value put after cancelled calls");
}

}  // namespace

std::vector<Row> ErrorRows() {
  return {
      {"error.empty_key", "An empty key is refused everywhere, by the field's name", EmptyKeys},
      {"error.batch",
       "A batch without operations, or with empty ones, is refused and writes nothing",
       UnfinishedBatches},
      {"error.durability", "A durability that the server does not know is refused",
       UnknownDurability},
      {"error.malformed", "A malformed body is refused by every method, by the message's name",
       Malformed},
      {"error.unknown_fields", "Fields that the server does not know are ignored", UnknownFields},
      {"error.unknown_method", "A method that is not there is UNIMPLEMENTED", UnknownMethods},
      {"error.deadline", "A call whose deadline has passed does nothing", DeadlinePassed},
      {"error.cancelled", "A cancelled call harms nobody", Cancelled},
  };
}

}  // namespace lumen::conformance
