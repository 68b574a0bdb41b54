#include "faultfs/volume/volume_state.h"

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/errno_status.h"
#include "engine/tracing_file_system.h"

namespace lumen::faultfs {
namespace {

constexpr std::array<std::string_view, kCallKinds> kTraceVerbs = {
    "create", "allocate", "append", "sync",    "open",   "read", "rename", "link", "remove",
    "mkdir",  "rmdir",    "list",   "syncdir", "exists", "size", "free",   "lock"};

// Relative to the root, which is the same as what TracingFileSystem shows.
std::string_view ShownName(std::string_view path) {
  if (path == "/") return ".";
  return path.starts_with('/') ? path.substr(1) : path;
}

std::string Range(const Call& call) {
  return " @" + std::to_string(call.offset) + " +" + std::to_string(call.length);
}

// What follows the name.
std::string Details(const Call& call) {
  switch (call.kind) {
    case CallKind::kAllocate:
      return " " + std::to_string(call.length);
    case CallKind::kSync:
      return " @" + std::to_string(call.offset);
    case CallKind::kRead:
      return Range(call);
    case CallKind::kRename:
    case CallKind::kLink:
      return " -> " + std::string(ShownName(call.to_path));
    default:
      return "";
  }
}

std::string Answer(const Request& request) {
  switch (request.call.kind) {
    case CallKind::kRead:
    case CallKind::kFileSize:
    case CallKind::kFreeSpace:
      return " = " + std::to_string(request.answer);
    case CallKind::kList:
      return " = " + std::to_string(request.answer) + " names";
    case CallKind::kExists:
      return request.answer != 0 ? " = yes" : " = no";
    default:
      return "";
  }
}

std::string Line(const Request& request) {
  const Call& call = request.call;
  const std::string_view name = ShownName(call.path);
  if (call.kind == CallKind::kAppend) return TraceOfAppend(name, call.offset, request.data);
  std::string line(kTraceVerbs[static_cast<size_t>(call.kind)]);
  return line.append(" ").append(name) + Details(call);
}

}  // namespace

VolumeState::VolumeState(DiskImage start, VolumeOptions options)
    : tree(std::move(start), options.record_history),
      record_reads_(options.record_reads),
      most_calls_(options.most_calls),
      faults_(tree, options.faults, std::move(options.pass_time)) {
  CHECK(options.record_history || options.faults == nullptr);
  tree.set_capacity(options.capacity_bytes);
}

void VolumeState::SetFaults(FaultInjector* injector) {
  CHECK(tree.records_history() || injector == nullptr);
  faults_.SetInjector(injector);
}

absl::Status VolumeState::StatusOf(const Request& request, int error_number) const {
  if (error_number == 0) return absl::OkStatus();
  const std::string path(request.call.path);
  if (request.call.kind == CallKind::kLock && error_number == EWOULDBLOCK) {
    return LockHeldStatus(path, request.inode == 0 ? "" : tree.Bytes(request.inode).ToString());
  }
  std::string operation(request.verb);
  if (!request.call.to_path.empty()) operation.append(" ").append(request.call.to_path);
  if (error_number != kNotModelled) return ErrnoStatus(path, operation, error_number);
  return absl::UnimplementedError(
      path + ": " + operation +
      ": not modelled by the simulated volume (docs/fault_model.md, section 1)");
}

absl::Status VolumeState::TooManyCalls(const Request& request) {
  return absl::InternalError(std::string(request.call.path) + ": " + std::string(request.verb) +
                             ": too many calls");
}

absl::Status VolumeState::RunWithFaults(Request& request,
                                        const std::function<int(const CallEffect&)>& act) {
  return faults_.Run(request,
                     [&](const CallEffect& effect) { return StatusOf(request, act(effect)); });
}

bool VolumeState::IsTraced(CallKind kind) const {
  switch (kind) {
    case CallKind::kOpen:
    case CallKind::kRead:
    case CallKind::kList:
    case CallKind::kExists:
    case CallKind::kFileSize:
    case CallKind::kFreeSpace:
      return record_reads_;
    default:
      return true;
  }
}

void VolumeState::Tell(const Request& request, const absl::Status& status) const {
  trace(Line(request) +
        (status.ok() ? Answer(request) : " ! " + absl::StatusCodeToString(status.code())));
}

void VolumeState::CountView(std::string_view path, uint64_t offset, size_t length) {
  ++calls;
  if (!trace || !record_reads_) return;
  trace("view " + std::string(ShownName(path)) + Range({.offset = offset, .length = length}));
}

void VolumeState::TellAside(std::string_view verb, std::string_view path) const {
  if (!trace || !record_reads_) return;
  trace(std::string(verb) + " " + std::string(ShownName(path)));
}

}  // namespace lumen::faultfs
