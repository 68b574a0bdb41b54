// In place of rpc_bench.cc and streams_bench.cc in a build without the server.
#include "bench/experiments.h"

namespace lumen::bench {
namespace {

constexpr char kReason[] = "gRPC: left out, this build has no server (LUMEN_SERVER=OFF)";

}  // namespace

absl::Status RunRpc(const Settings&, Report& report) {
  report.AddNote(kReason);
  return absl::OkStatus();
}

absl::Status RunStreams(const Settings&, Report&) { return absl::OkStatus(); }

absl::Status RunLoad(const Settings&, const LoadSettings&, Report&) {
  return absl::UnimplementedError(kReason);
}

absl::Status EmptyServerChild(const std::string&, bool) {
  return absl::UnimplementedError(kReason);
}

}  // namespace lumen::bench
