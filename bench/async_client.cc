#include "bench/async_client.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <optional>

#include "absl/strings/str_cat.h"

namespace lumen::bench {
namespace {

// One place for a call in flight; reused as soon as its call has ended.
struct Slot {
  grpc::GenericStub* stub = nullptr;
  std::optional<grpc::ClientContext> context;  // good for one call only
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  grpc::ByteBuffer reply;
  grpc::Status status;
  int64_t start_ns = 0;
};

class Driver {
 public:
  Driver(const Load& load, const std::vector<std::shared_ptr<grpc::Channel>>& channels)
      : load_(load), slots_(static_cast<size_t>(load.in_flight)) {
    for (const auto& channel : channels) {
      stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
    }
    for (size_t i = 0; i < slots_.size(); ++i) slots_[i].stub = stubs_[i % stubs_.size()].get();
  }

  absl::StatusOr<LoadResult> Run() {
    LoadResult result;
    const int64_t began_ns = NowNanos();
    for (Slot& slot : slots_) StartNext(slot);
    absl::Status failed;
    void* tag = nullptr;
    for (bool ok = false; open_ > 0 && queue_.Next(&tag, &ok);) {
      --open_;
      Slot& slot = *static_cast<Slot*>(tag);
      result.latency.Record(NowNanos() - slot.start_ns);
      if (!slot.status.ok()) {
        failed = absl::InternalError(absl::StrCat(load_.method, ": gRPC code ",
                                                  static_cast<int>(slot.status.error_code()), ": ",
                                                  slot.status.error_message()));
      }
      if (failed.ok()) StartNext(slot);
    }
    const auto elapsed_ns = static_cast<double>(NowNanos() - began_ns);
    Drain();
    if (!failed.ok()) return failed;
    result.rate_per_s = static_cast<double>(load_.calls) * 1e9 / elapsed_ns;
    return result;
  }

 private:
  void StartNext(Slot& slot) {
    if (started_ == load_.calls) return;
    const grpc::ByteBuffer request = load_.request(started_++);
    ++open_;
    slot.context.emplace();
    slot.start_ns = NowNanos();
    slot.reader = slot.stub->PrepareUnaryCall(&*slot.context, load_.method, request, &queue_);
    slot.reader->StartCall();
    slot.reader->Finish(&slot.reply, &slot.status, &slot);
  }

  void Drain() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) continue;
  }

  const Load& load_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<Slot> slots_;
  uint64_t started_ = 0;
  int open_ = 0;
};

}  // namespace

AsyncClient::AsyncClient(const std::string& address, int connections) {
  for (int i = 0; i < connections; ++i) {
    grpc::ChannelArguments arguments;
    // Channels to one address would otherwise share one connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels_.push_back(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }
}

bool AsyncClient::WaitUntilConnected(int64_t timeout_ms) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (const auto& channel : channels_) {
    if (!channel->WaitForConnected(deadline)) return false;
  }
  return true;
}

absl::StatusOr<LoadResult> AsyncClient::Run(const Load& load) {
  return Driver(load, channels_).Run();
}

grpc::ByteBuffer Body(const std::string& encoded) {
  const grpc::Slice slice(encoded);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace lumen::bench
