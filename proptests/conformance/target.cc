#include "proptests/conformance/target.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/quantity.h"
#include "engine/base/status.h"

namespace lumen::conformance {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

absl::Status TakeSize(const v1::ConfigValue& told, uint64_t& to) {
  const absl::StatusOr<uint64_t> bytes = ParseBytes(told.value());
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("GetConfig tells ", told.name(), " = ", told.value(), ", which is no size"));
  }
  to = *bytes;
  return absl::OkStatus();
}

absl::Status TakeCount(const v1::ConfigValue& told, uint64_t& to) {
  if (absl::SimpleAtoi(told.value(), &to)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("GetConfig tells ", told.name(), " = ", told.value(), ", which is no number"));
}

}  // namespace

absl::StatusOr<Target> Connect(const std::string& server) {
  Target target;
  target.channel = grpc::CreateChannel(server, grpc::InsecureChannelCredentials());
  if (!target.channel->WaitForConnected(std::chrono::system_clock::now() + kPatience)) {
    return absl::UnavailableError(absl::StrCat("nobody listens on ", server));
  }
  target.store = v1::KeyValue::NewStub(target.channel);
  target.admin = v1::Admin::NewStub(target.channel);
  target.original = kv::KeyValueStore::NewStub(target.channel);
  target.health = grpc::health::v1::Health::NewStub(target.channel);
  return target;
}

absl::Status AskLimits(Target& target) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::GetConfigResponse config;
  const grpc::Status status = target.admin->GetConfig(&context, {}, &config);
  if (!status.ok()) {
    return absl::InternalError(absl::StrCat("GetConfig: ", status.error_message()));
  }
  for (const v1::ConfigValue& value : config.values()) {
    if (value.name() == "limits.max_key") {
      RETURN_IF_ERROR(TakeSize(value, target.limits.key_bytes));
    } else if (value.name() == "limits.max_value") {
      RETURN_IF_ERROR(TakeSize(value, target.limits.value_bytes));
    } else if (value.name() == "limits.max_batch_bytes") {
      RETURN_IF_ERROR(TakeSize(value, target.limits.batch_bytes));
    } else if (value.name() == "limits.max_batch_operations") {
      RETURN_IF_ERROR(TakeCount(value, target.limits.batch_operations));
    }
  }
  return absl::OkStatus();
}

}  // namespace lumen::conformance
