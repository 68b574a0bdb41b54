#include "server/unary_call.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

constexpr size_t kMaxAboutBytes = 64;

bool LetIn(ServiceParts& parts, size_t bytes, Entry entry) {
  if (entry == Entry::kAlways) {
    parts.admission.Enter(bytes);
  } else if (!parts.admission.TryEnter(bytes)) {
    return false;
  }
  if (!parts.state.draining()) return true;
  // Draining waits for those that are let in, and not for however many come after them.
  parts.admission.Leave(bytes);
  return false;
}

}  // namespace

std::optional<Refusal> CheckStillWanted(const grpc::ServerContext& context) {
  if (context.IsCancelled()) return Refusal{Reason::kCancelled, "call cancelled before any work"};
  if (context.deadline() <= std::chrono::system_clock::now()) {
    return Refusal{Reason::kNotStarted, "deadline passed before any work"};
  }
  return std::nullopt;
}

grpc::Status Refuse(grpc::ServerContext& context, const Refusal& refusal) {
  if (const auto after = RetryAfter(refusal.reason); after.count() != 0) {
    context.AddTrailingMetadata(kRetryPushbackKey, std::to_string(after.count()));
  }
  if (spdlog::should_log(spdlog::level::debug)) {
    spdlog::debug("refused {}: {}: {}", context.peer(), ReasonName(refusal.reason),
                  refusal.message);
  }
  return ToStatus(refusal);
}

UnaryCall::UnaryCall(const char* method, ServiceParts& parts, UnaryRpc& rpc, Entry entry)
    : method_(method),
      parts_(parts),
      rpc_(rpc),
      held_bytes_(rpc.body().Length()),
      admitted_(LetIn(parts, held_bytes_, entry)) {
  times_.arrived = std::chrono::steady_clock::now();
  times_.handed = times_.arrived;
}

Refusal UnaryCall::WhyNotAdmitted() const {
  if (parts_.state.draining()) return parts_.state.WhyNot();
  const Admission& all = parts_.admission;
  return {Reason::kOverloaded,
          absl::StrCat("too many calls: ", all.calls(),
                       " are under way (limits.max_calls = ", all.limits().calls, ") and hold ",
                       all.bytes(), " bytes (limits.max_call_bytes = ", all.limits().bytes,
                       "); try again later")};
}

void UnaryCall::HandOn(std::string_view about) {
  about_ = about.substr(0, kMaxAboutBytes);
  times_.handed = std::chrono::steady_clock::now();
}

void UnaryCall::HandOnWrite(std::string_view about) {
  HandOn(about);
  writes_ = true;
  parts_.drain.writes.fetch_add(1);
}

void UnaryCall::ReadInPool(ReadPool& pool, std::function<void()> read) {
  const bool queued = pool.TryPost([this, read = std::move(read)] {
    if (const auto refusal = CheckStillWanted(rpc_.context())) return Fail(*refusal);
    read();
  });
  if (!queued) Fail({Reason::kOverloaded, "too many calls wait for a thread; try again later"});
}

void UnaryCall::Fail(const Refusal& refusal) {
  End();
  rpc_.Finish(Refuse(rpc_.context(), refusal), this);
}

void UnaryCall::End() {
  times_.answered = std::chrono::steady_clock::now();
  if (std::exchange(writes_, false)) parts_.drain.writes.fetch_sub(1);
}

void UnaryCall::OnDone() {
  if (admitted_) parts_.admission.Leave(held_bytes_);
  times_.done = std::chrono::steady_clock::now();
  parts_.slow.Judge(method_, times_, [this] {
    return absl::StrCat("key \"", absl::Utf8SafeCHexEscape(about_), "\", ", held_bytes_, " bytes");
  });
  delete this;
}

}  // namespace lumen
