#include "faultfs/volume.h"

#include <utility>

#include "faultfs/volume/volume_process.h"
#include "faultfs/volume/volume_state.h"

namespace lumen::faultfs {

struct Volume::State : VolumeState {
  using VolumeState::VolumeState;
};

Volume::Volume() : Volume(DiskImage()) {}
Volume::Volume(DiskImage start, VolumeOptions options)
    : state_(std::make_shared<State>(std::move(start), std::move(options))) {}
Volume::~Volume() = default;

std::unique_ptr<Volume::Process> Volume::Start() { return std::make_unique<VolumeProcess>(state_); }

const std::vector<Operation>& Volume::history() const { return state_->tree.history(); }
uint64_t Volume::calls() const { return state_->calls; }
const DiskImage& Volume::current() const { return state_->tree.current(); }
const DiskImage& Volume::start() const { return state_->tree.start(); }

const std::vector<StaleRead>& Volume::stale_reads() const { return state_->stale_reads(); }

void Volume::SetFaults(FaultInjector* faults) { state_->SetFaults(faults); }
void Volume::SetCapacity(uint64_t capacity_bytes) { state_->tree.set_capacity(capacity_bytes); }
void Volume::SetTrace(std::function<void(std::string_view)> sink) {
  state_->trace = std::move(sink);
}

}  // namespace lumen::faultfs
