#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>

#include "server/call_source.h"

namespace lumen {

// Answers the calls of methods that no service has: UNIMPLEMENTED, with the method's name.
//
// Without it gRPC answers them by itself, and cannot where two threads wait on one queue: it asks
// for the next such call in a base class's constructor (ServerInterface::GenericAsyncRequest), and
// a call that comes before the derived one has run goes to the base's FinalizeResult, which hands
// a null tag to the application. A few thousand such calls were enough to crash a server so. It
// also asks again while the server shuts down, which can keep that from ending.
class UnknownMethods final : public CallSource {
 public:
  // Before the server is built. Outlives it.
  void Register(grpc::ServerBuilder& builder) { builder.RegisterAsyncGenericService(&service_); }
  void AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) override;

 private:
  class Call;

  grpc::AsyncGenericService service_;
};

}  // namespace lumen
