#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "client/call_error.h"
#include "client/connection.h"
#include "engine/base/check.h"

// How KvClient and AdminClient call: with a deadline, under the connection's cancellation, and with
// errors that name call and server.
namespace lumen {

// Zero: no deadline.
inline void SetTimeout(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  if (timeout.count() > 0) context.set_deadline(std::chrono::system_clock::now() + timeout);
}

// `method` is Stub's, of a single answer.
template <typename Stub, typename Request, typename Response>
absl::Status CallOnce(const Connection& connection, std::string_view name, Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request, Response& response,
                      std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  const Cancellation::Scope scope(connection.options().cancellation, context);
  return ToCallError((stub.*method)(&context, request, &response), name,
                     connection.options().server);
}

// Calls again while the server says that it is overloaded, as late as it asks for, until the
// connection's timeout is over. For calls that change nothing. `call` is given what is left of it.
absl::Status RetryOverload(const Connection& connection,
                           const std::function<absl::Status(std::chrono::milliseconds)>& call);

// Reads one stream of messages. `start` begins the call with (context, queue, tag). `on_message`
// returns whether to go on; false ends the call, which is then OK. DEADLINE_EXCEEDED: no message
// for `pause`; zero: no limit.
template <typename Response, typename Start>
absl::Status ReadStream(const Connection& connection, std::string_view name, const Start& start,
                        std::chrono::milliseconds pause,
                        const std::function<bool(const Response&)>& on_message) {
  const ConnectionOptions& options = connection.options();
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const Cancellation::Scope scope(options.cancellation, context);
  bool timed_out = false;
  // One operation is open at a time, so that whatever comes next is its end.
  const auto await = [&] {
    void* tag = nullptr;
    bool ok = false;
    if (pause.count() == 0) {
      CHECK(queue.Next(&tag, &ok));
      return ok;
    }
    const auto deadline = std::chrono::system_clock::now() + pause;
    if (queue.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::TIMEOUT) {
      timed_out = true;
      context.TryCancel();
      CHECK(queue.Next(&tag, &ok));
    }
    return ok;
  };
  void* const tag = &queue;
  const std::unique_ptr<grpc::ClientAsyncReader<Response>> reader = start(&context, &queue, tag);
  bool going_on = await();
  bool wanted = true;
  Response message;
  while (going_on && wanted) {
    reader->Read(&message, tag);
    going_on = await();
    if (going_on) wanted = on_message(message);
  }
  if (!wanted) context.TryCancel();
  grpc::Status status;
  reader->Finish(&status, tag);
  await();
  if (!wanted) return absl::OkStatus();
  if (timed_out) {
    status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "the server has stopped sending");
  }
  return ToCallError(status, name, options.server);
}

}  // namespace lumen
