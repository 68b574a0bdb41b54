#pragma once

#include <grpcpp/completion_queue.h>

namespace lumen {

class CallLoops;

// What a CallLoops takes calls from.
class CallSource {
 public:
  // Once for each queue, after the server that the source was registered with has started: calls
  // come on `queue` from now on.
  virtual void AwaitCalls(CallLoops& loops, grpc::ServerCompletionQueue& queue) = 0;

 protected:
  ~CallSource() = default;
};

}  // namespace lumen
