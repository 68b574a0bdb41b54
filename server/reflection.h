#pragma once

#include <memory>
#include <vector>

#include "server/rpc_service.h"

namespace lumen {

// grpc.reflection.v1 and v1alpha: what grpcurl, buf and Postman ask. They describe every service
// whose descriptor is linked in.
//
// Not Debian's libgrpc++_reflection: it knows v1alpha only, and is a synchronous service, whose
// polling threads would share the network with CallLoops. Do not link it: two services of one name
// cannot be registered.
class ReflectionServices {
 public:
  ReflectionServices();
  ~ReflectionServices();

  std::vector<RpcService*> services();
  // Before the first call: the services that are listed.
  void Describe(const std::vector<RpcService*>& services);

 private:
  struct Parts;

  const std::unique_ptr<Parts> parts_;
};

}  // namespace lumen
