#pragma once

namespace lumen {

// What the tags of our completion queues point to.
class QueueEvent {
 public:
  // Once for each time it was handed to gRPC, on a thread of CallLoops. `ok`: gRPC's word for it.
  virtual void Happen(bool ok) = 0;

  void* tag() { return this; }
  static QueueEvent& Of(void* tag) { return *static_cast<QueueEvent*>(tag); }

 protected:
  ~QueueEvent() = default;
};

// Calls `member` of the object that holds it.
template <typename Owner, void (Owner::*member)(bool)>
class MemberEvent final : public QueueEvent {
 public:
  explicit MemberEvent(Owner& owner) : owner_(owner) {}
  void Happen(bool ok) override { (owner_.*member)(ok); }

 private:
  Owner& owner_;
};

}  // namespace lumen
