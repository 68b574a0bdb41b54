#pragma once

#include <grpcpp/impl/server_builder_option.h>

#include <memory>

namespace lumen {

// Adds grpc.reflection.v1 and v1alpha to a ServerBuilder: what grpcurl, buf and Postman ask. Lists
// every service of the server and describes each whose descriptor is linked in.
//
// Not Debian's libgrpc++_reflection: it knows v1alpha only, and is a synchronous service, whose
// polling threads would share the network with the callback services. Do not link it: two services
// of one name cannot be registered.
std::unique_ptr<grpc::ServerBuilderOption> MakeReflectionOption();

}  // namespace lumen
