#include "server/rpc_service.h"

#include <grpcpp/impl/rpc_service_method.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace lumen {
namespace {

// How many calls of a method gRPC can hand over before the first of them is looked at. Further ones
// wait in gRPC.
constexpr int kUnaryAwaited = 32;
constexpr int kStreamsAwaited = 2;

}  // namespace

void RpcService::Add(std::string_view method, UnaryHandler handler) {
  Add({absl::StrCat("/", name_, "/", absl::string_view(method.data(), method.size())),
       std::move(handler)},
      grpc::internal::RpcMethod::NORMAL_RPC);
}

// For gRPC each stream goes both ways: it then leaves also the first message to us, and with it
// what a client is told that sends none.
void RpcService::Add(std::string_view method, StreamHandler handler) {
  Add({absl::StrCat("/", name_, "/", absl::string_view(method.data(), method.size())),
       std::move(handler)},
      grpc::internal::RpcMethod::BIDI_STREAMING);
}

void RpcService::Add(Method method, grpc::internal::RpcMethod::RpcType type) {
  const auto index = static_cast<int>(methods_.size());
  methods_.push_back(std::move(method));
  AddMethod(new grpc::internal::RpcServiceMethod(methods_.back().path.c_str(), type,
                                                 /*handler=*/nullptr));
  MarkMethodRaw(index);
}

void RpcService::AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) {
  for (size_t i = 0; i < methods_.size(); ++i) {
    const RpcPlace place = {
        .service = this, .method = static_cast<int>(i), .loops = &loops, .queue = &queue};
    if (std::holds_alternative<UnaryHandler>(methods_[i].handler)) {
      for (int n = 0; n < kUnaryAwaited; ++n) UnaryRpc::Await(place);
    } else {
      for (int n = 0; n < kStreamsAwaited; ++n) StreamRpc::Await(place);
    }
  }
}

void RpcService::Request(UnaryRpc& rpc) {
  RequestAsyncUnary(rpc.place_.method, &rpc.context_, &rpc.body_, &rpc.writer_, rpc.place_.queue,
                    rpc.place_.queue, rpc.arrived_.tag());
}

void RpcService::Request(StreamRpc& rpc) {
  RequestAsyncBidiStreaming(rpc.place_.method, &rpc.context_, &rpc.stream_, rpc.place_.queue,
                            rpc.place_.queue, rpc.arrived_.tag());
}

void RpcService::Handle(UnaryRpc& rpc) const {
  std::get<UnaryHandler>(methods_[static_cast<size_t>(rpc.place_.method)].handler)(rpc);
}

void RpcService::Handle(StreamRpc& rpc) const {
  std::get<StreamHandler>(methods_[static_cast<size_t>(rpc.place_.method)].handler)(rpc);
}

}  // namespace lumen
