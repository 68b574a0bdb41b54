#include "server/rpc.h"

#include "server/call_loops.h"
#include "server/rpc_service.h"

namespace lumen {

Rpc::Rpc(CallLoops& loops) : loops_(loops) { loops_.Entered(); }

Rpc::~Rpc() { loops_.Left(); }

UnaryRpc::UnaryRpc(const RpcPlace& place) : Rpc(*place.loops), place_(place) {
  context_.AsyncNotifyWhenDone(done_.tag());
  place_.service->Request(*this);
}

void UnaryRpc::Arrived(bool ok) {
  // Not OK: the server shuts down, and there is no call whose end would be told.
  if (!ok) {
    delete this;
    return;
  }
  place_.loops->IfTaking([this] { Await(place_); });
  place_.service->Handle(*this);
}

void UnaryRpc::Finish(const grpc::Status& status, Listener* listener) {
  listener_.store(listener, std::memory_order_release);
  if (status.ok()) {
    writer_.Finish(reply_, status, finished_.tag());
  } else {
    writer_.FinishWithError(status, finished_.tag());
  }
}

void UnaryRpc::Ended(bool /*ok*/) {
  if (!HasEnded()) return;
  if (Listener* listener = listener_.load(std::memory_order_acquire)) listener->OnDone();
  delete this;
}

StreamRpc::StreamRpc(const RpcPlace& place) : Rpc(*place.loops), place_(place) {
  context_.AsyncNotifyWhenDone(done_.tag());
  place_.service->Request(*this);
}

void StreamRpc::Arrived(bool ok) {
  if (!ok) {
    delete this;
    return;
  }
  place_.loops->IfTaking([this] { Await(place_); });
  first_.emplace();
  stream_.Read(&*first_, read_first_.tag());
}

void StreamRpc::ReadFirst(bool ok) {
  if (!ok) first_.reset();
  place_.service->Handle(*this);
}

void StreamRpc::Listen(Listener& listener) {
  {
    MutexLock lock(mutex_);
    listener_ = &listener;
    if (!cancelled_) return;
  }
  listener.OnCancel();
}

StreamRpc::Listener* StreamRpc::listener() {
  MutexLock lock(mutex_);
  return listener_;
}

void StreamRpc::Finished(bool /*ok*/) { End(); }

void StreamRpc::Done(bool /*ok*/) {
  Listener* told = nullptr;
  if (context_.IsCancelled()) {
    MutexLock lock(mutex_);
    cancelled_ = true;
    told = listener_;
  }
  if (told != nullptr) told->OnCancel();
  End();
}

void StreamRpc::End() {
  if (!HasEnded()) return;
  if (Listener* told = listener()) told->OnDone();
  delete this;
}

}  // namespace lumen
