#include "server/write_request.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

using OptionalRefusal = std::optional<Refusal>;

std::string ElementName(const char* list, int index, const std::string& field = {}) {
  return absl::StrCat(list, "[", index, "]", field.empty() ? "" : ".", field);
}

OptionalRefusal CheckOperation(const v1::Operation& operation, int index,
                               const RequestLimits& limits) {
  switch (operation.kind_case()) {
    case v1::Operation::kPut: {
      const std::string name = ElementName("operations", index, "put");
      OptionalRefusal refusal = CheckKey(operation.put().key(), name + ".key", limits);
      if (refusal.has_value()) return refusal;
      return CheckValue(operation.put().value(), name + ".value", limits);
    }
    case v1::Operation::kDelete:
      return CheckKey(operation.delete_().key(), ElementName("operations", index, "delete.key"),
                      limits);
    case v1::Operation::KIND_NOT_SET:
      break;
  }
  return Refusal{Reason::kInvalidField,
                 ElementName("operations", index) + " must hold a put or a delete"};
}

OptionalRefusal CheckPrecondition(const v1::Precondition& condition, int index,
                                  const RequestLimits& limits) {
  if (condition.condition_case() == v1::Precondition::CONDITION_NOT_SET) {
    return Refusal{Reason::kInvalidField,
                   ElementName("preconditions", index) +
                       " must hold one of exists, last_written_at, value_equals"};
  }
  return CheckKey(condition.key(), ElementName("preconditions", index, "key"), limits);
}

size_t BytesOf(const v1::WriteRequest& request) {
  size_t bytes = 0;
  for (const v1::Operation& operation : request.operations()) {
    bytes += operation.has_put() ? operation.put().key().size() + operation.put().value().size()
                                 : operation.delete_().key().size();
  }
  for (const v1::Precondition& condition : request.preconditions()) {
    bytes += condition.key().size() + condition.value_equals().size();
  }
  return bytes;
}

Precondition ToPrecondition(v1::Precondition& condition) {
  Precondition to;
  to.key = std::move(*condition.mutable_key());
  switch (condition.condition_case()) {
    case v1::Precondition::kExists:
    case v1::Precondition::CONDITION_NOT_SET:  // refused before
      to.kind = condition.exists() ? Precondition::Kind::kPresent : Precondition::Kind::kAbsent;
      break;
    case v1::Precondition::kLastWrittenAt:
      to.kind = Precondition::Kind::kLastWrittenAt;
      to.sequence = condition.last_written_at();
      break;
    case v1::Precondition::kValueEquals:
      to.kind = Precondition::Kind::kValueEquals;
      to.value = std::move(*condition.mutable_value_equals());
      break;
  }
  return to;
}

}  // namespace

OptionalRefusal CheckDurability(v1::Durability durability) {
  if (v1::Durability_IsValid(durability)) return std::nullopt;
  return Refusal{Reason::kInvalidField,
                 absl::StrCat("durability is ", static_cast<int>(durability),
                              "; this server knows DURABILITY_SYNC (1) and DURABILITY_ASYNC (2)")};
}

Durability ToDurability(v1::Durability durability) {
  return durability == v1::DURABILITY_ASYNC ? Durability::kAsync : Durability::kSync;
}

OptionalRefusal CheckWriteRequest(const v1::WriteRequest& request, const RequestLimits& limits) {
  if (request.operations().empty()) {
    return Refusal{Reason::kInvalidField, "operations must not be empty"};
  }
  OptionalRefusal refusal =
      CheckCount(static_cast<uint64_t>(request.operations_size()), "operations", limits);
  if (!refusal)
    refusal =
        CheckCount(static_cast<uint64_t>(request.preconditions_size()), "preconditions", limits);
  if (!refusal) refusal = CheckDurability(request.durability());
  for (int i = 0; !refusal && i < request.operations_size(); ++i) {
    refusal = CheckOperation(request.operations(i), i, limits);
  }
  for (int i = 0; !refusal && i < request.preconditions_size(); ++i) {
    refusal = CheckPrecondition(request.preconditions(i), i, limits);
  }
  return refusal ? refusal : CheckBatchBytes(BytesOf(request), limits);
}

WriteBatch ToBatch(const v1::WriteRequest& request) {
  WriteBatch batch;
  for (const v1::Operation& operation : request.operations()) {
    if (operation.has_put()) {
      batch.Put(operation.put().key(), operation.put().value());
    } else {
      batch.Delete(operation.delete_().key());
    }
  }
  return batch;
}

WriteOptions ToWriteOptions(v1::WriteRequest& request) {
  WriteOptions options;
  options.durability = ToDurability(request.durability());
  options.report_existed = request.report_existed();
  options.preconditions.reserve(static_cast<size_t>(request.preconditions_size()));
  for (v1::Precondition& condition : *request.mutable_preconditions()) {
    options.preconditions.push_back(ToPrecondition(condition));
  }
  return options;
}

v1::WriteResponse ToWriteResponse(WriteResult&& result) {
  v1::WriteResponse response;
  response.set_applied(result.applied);
  response.set_sequence(result.sequence);
  response.set_durable_sequence(result.durable_sequence);
  for (const bool existed : result.existed) response.add_existed(existed);
  if (result.applied) return response;
  v1::UnmetPrecondition& unmet = *response.mutable_unmet();
  unmet.set_index(static_cast<uint32_t>(result.unmet));
  unmet.mutable_current()->set_found(result.current.present);
  unmet.mutable_current()->set_value(std::move(result.current.value));
  unmet.mutable_current()->set_sequence(result.current.sequence);
  return response;
}

}  // namespace lumen
