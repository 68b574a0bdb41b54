#include "server/admin_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/verify_stream.h"

namespace lumen {
namespace {

using OptionalRefusal = std::optional<Refusal>;

constexpr size_t kMaxCheckpointNameBytes = 128;
constexpr char kLogLevelSetting[] = "logging.log_level";

constexpr auto kNothingToCheck = [](const auto&) { return OptionalRefusal(); };

OptionalRefusal CheckCheckpointName(const std::string& name) {
  const bool good_letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  });
  if (good_letters && !name.empty() && name.front() != '.' &&
      name.size() <= kMaxCheckpointNameBytes) {
    return std::nullopt;
  }
  return Refusal{Reason::kInvalidField,
                 absl::StrCat("name must be a file name of 1 to ", kMaxCheckpointNameBytes,
                              " letters, digits, '.', '_' and '-' that does not begin with '.'")};
}

void SetLevels(const Stats& stats, v1::StatusResponse& to) {
  for (const LevelStats& level : stats.levels) {
    v1::LevelStatus& status = *to.add_levels();
    status.set_files(static_cast<uint32_t>(level.files));
    status.set_bytes(level.bytes);
    status.set_entries(level.entries);
  }
}

void SetMemory(const Stats& stats, v1::MemoryStatus& to) {
  to.set_memtable_bytes(stats.memtable_bytes);
  to.set_immutable_memtables(static_cast<uint32_t>(stats.immutable_memtables));
  to.set_cache_bytes(stats.cache_bytes);
  to.set_cache_capacity_bytes(stats.cache_capacity_bytes);
  to.set_cache_hits(stats.cache_hits);
  to.set_cache_misses(stats.cache_misses);
}

void SetWrites(const Stats& stats, v1::WriteStatus& to) {
  to.set_operations(stats.commit_operations);
  to.set_user_bytes(stats.user_bytes);
  to.set_commit_groups(stats.commit_groups);
  to.set_wal_bytes(stats.wal_bytes);
  to.set_wal_syncs(stats.wal_syncs);
  to.set_stalls(stats.stalls);
  to.set_stall_microseconds(stats.stall_ns / 1000);
}

void SetCompaction(const Stats& stats, v1::CompactionStatus& to) {
  to.set_flushes(stats.flushes);
  to.set_flush_bytes(stats.flush_bytes);
  to.set_compactions(stats.compactions);
  to.set_bytes_read(stats.compaction_bytes_read);
  to.set_bytes_written(stats.compaction_bytes_written);
  to.set_debt_bytes(stats.compaction_debt_bytes);
}

void SetRecovery(const Stats& stats, v1::RecoveryStatus& to) {
  to.set_operations(stats.recovered_operations);
  to.set_bytes(stats.recovered_bytes);
  to.set_segments(stats.recovered_segments);
  to.set_torn_tail(stats.recovered_torn_tail);
  to.set_torn_frames_discarded(stats.torn_frames_discarded);
}

}  // namespace

AdminService::AdminService(AdminOptions options, ServiceParts& parts, const OpenScans& scans)
    : RpcService("lumen.v1.Admin"),
      options_(std::move(options)),
      parts_(parts),
      scans_(scans),
      long_calls_(parts.state) {
  Add("Status", [this](UnaryRpc& rpc) { Status(rpc); });
  Add("Flush", [this](UnaryRpc& rpc) { Flush(rpc); });
  Add("Compact", [this](UnaryRpc& rpc) { Compact(rpc); });
  Add("Checkpoint", [this](UnaryRpc& rpc) { Checkpoint(rpc); });
  Add("Verify", [this](StreamRpc& rpc) { StartVerify(parts_, verifications_, rpc); });
  Add("SetLogLevel", [this](UnaryRpc& rpc) { SetLogLevel(rpc); });
  Add("GetConfig", [this](UnaryRpc& rpc) { GetConfig(rpc); });
}

v1::StatusResponse AdminService::MakeStatus(Engine& engine) const {
  const Stats stats = engine.GetStats();
  v1::StatusResponse status;
  status.set_version(options_.version);
  status.set_data_directory(options_.data_directory);
  const auto uptime = std::chrono::steady_clock::now() - started_;
  status.set_uptime_seconds(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
  if (options_.log_level) status.set_log_level(options_.log_level());
  status.set_visible_sequence(stats.visible_sequence);
  status.set_durable_sequence(stats.durable_sequence);
  status.set_read_only_reason(stats.sticky_error);
  status.set_background_error(stats.background_error);
  if (options_.files != nullptr) {
    const auto free = options_.files->FreeSpace(options_.data_directory);
    if (free.ok()) status.set_disk_free_bytes(*free);
  }
  status.set_calls(parts_.admission.calls());
  status.set_call_bytes(parts_.admission.bytes());
  status.set_open_scans(scans_.calls());
  status.set_refused_calls(parts_.admission.refused() + scans_.refused());
  SetLevels(stats, status);
  SetMemory(stats, *status.mutable_memory());
  SetWrites(stats, *status.mutable_writes());
  SetCompaction(stats, *status.mutable_compaction());
  SetRecovery(stats, *status.mutable_recovery());
  return status;
}

void AdminService::Note(const grpc::ServerContext& context, std::string_view what) const {
  if (options_.note)
    options_.note(std::string(what).append(", asked for by ").append(context.peer()));
}

void AdminService::Status(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/Status", parts_, rpc, Entry::kAlways);
  v1::StatusRequest request;
  Engine* engine = call->Accept(request, kNothingToCheck);
  if (engine == nullptr) return;
  call->ReadInPool(statuses_, [this, call, engine] { call->Answer(MakeStatus(*engine)); });
}

void AdminService::Flush(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/Flush", parts_, rpc);
  v1::FlushRequest request;
  Engine* engine = call->Accept(request, kNothingToCheck);
  if (engine == nullptr) return;
  Note(rpc.context(), "flush");
  long_calls_.Start(
      *call, [engine] { return engine->Flush(); }, [call] { call->Answer(v1::FlushResponse()); });
}

void AdminService::Compact(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/Compact", parts_, rpc);
  v1::CompactRequest request;
  Engine* engine = call->Accept(request, kNothingToCheck);
  if (engine == nullptr) return;
  Note(rpc.context(), "compaction");
  long_calls_.Start(
      *call, [engine] { return engine->Compact(); },
      [call] { call->Answer(v1::CompactResponse()); });
}

void AdminService::Checkpoint(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/Checkpoint", parts_, rpc);
  v1::CheckpointRequest request;
  Engine* engine =
      call->Accept(request, [](const auto& asked) { return CheckCheckpointName(asked.name()); });
  if (engine == nullptr) return;
  if (options_.checkpoint_directory.empty()) {
    call->Fail({Reason::kNotSupported, "this server has no directory for checkpoints"});
    return;
  }
  const std::string directory = absl::StrCat(options_.checkpoint_directory, "/", request.name());
  Note(rpc.context(), absl::StrCat("checkpoint ", directory));
  long_calls_.Start(
      *call, [engine, directory] { return engine->Checkpoint(directory); },
      [call, directory] {
        v1::CheckpointResponse response;
        response.set_directory(directory);
        call->Answer(response);
      });
}

void AdminService::SetLogLevel(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/SetLogLevel", parts_, rpc, Entry::kAlways);
  v1::SetLogLevelRequest request;
  if (call->Accept(request, kNothingToCheck) == nullptr) return;
  if (!options_.log_level || !options_.set_log_level) {
    call->Fail({Reason::kNotSupported, "this server's log level cannot be changed"});
    return;
  }
  v1::SetLogLevelResponse response;
  response.set_previous_level(options_.log_level());
  const absl::Status set = options_.set_log_level(request.level());
  if (set.ok()) {
    Note(rpc.context(),
         absl::StrCat("log level ", request.level(), " instead of ", response.previous_level()));
    call->Answer(response);
  } else {
    call->Fail({Reason::kInvalidField, absl::StrCat("level: ", set.message())});
  }
}

void AdminService::GetConfig(UnaryRpc& rpc) {
  auto* call = new UnaryCall("lumen.v1.Admin/GetConfig", parts_, rpc, Entry::kAlways);
  v1::GetConfigRequest request;
  Engine* engine = call->Accept(request, kNothingToCheck);
  if (engine == nullptr) return;
  v1::GetConfigResponse response;
  for (const AdminOptions::ConfigValue& value : options_.config) {
    v1::ConfigValue& to = *response.add_values();
    to.set_name(value.name);
    to.set_value(value.value);
    to.set_source(value.source);
    // The one that changes at run time.
    if (value.name != kLogLevelSetting || !options_.log_level) continue;
    const std::string level = options_.log_level();
    if (level == value.value) continue;
    to.set_value(level);
    to.set_source("lumen.v1.Admin/SetLogLevel");
  }
  call->Answer(response);
}

}  // namespace lumen
