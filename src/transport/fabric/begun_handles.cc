// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/begun_handles.h"

#include <utility>

#include "base/fork_guard.h"
#include "transport/fabric/begun_transfer.h"
#include "transport/fabric/fabric_state.h"
#include "transport/fabric/posted_put.h"

namespace memfabric::transport {
namespace {

class BegunHandle final : public RemoteTransfer {
 public:
    BegunHandle(FabricState& state, std::shared_ptr<BegunTransfer> begun)
        : state_(state), begun_(std::move(begun)) {}
    ~BegunHandle() override {
        if (!in_forked_child()) {
            drive(Deadline::never());
        }
    }
    BegunHandle(const BegunHandle&) = delete;
    BegunHandle& operator=(const BegunHandle&) = delete;

    bool is_done() override { return begun_->transfer.has_ended(); }
    Status wait(Deadline deadline) override {
        MF_RETURN_IF_ERROR(check_process());
        if (drive(deadline)) {
            return begun_->transfer.outcome();
        }
        return failure(Code::kTimeout, "a transfer with {} goes on: waiting for it ended by the deadline",
                       begun_->peer->name());
    }

 private:
    bool drive(Deadline until) {
        return begun_->transfer.has_ended() ||
               drive_transfer(state_.lanes, begun_->home, begun_->transfer, until);
    }
    FabricState& state_;
    const std::shared_ptr<BegunTransfer> begun_;
};

class PostHandle final : public RemoteTransfer {
 public:
    PostHandle(FabricState& state, std::shared_ptr<PostedPut> posted)
        : state_(state), posted_(std::move(posted)) {}
    ~PostHandle() override { settle(); }
    PostHandle(const PostHandle&) = delete;
    PostHandle& operator=(const PostHandle&) = delete;

    bool is_done() override { return posted_->is_decided(); }
    Status wait(Deadline deadline) override {
        MF_RETURN_IF_ERROR(check_process());
        if (posted_->drive(state_.lanes, deadline)) {
            posted_->confirm(state_.lanes);
            posted_->drive(state_.lanes, deadline);
        }
        if (posted_->is_decided()) {
            return posted_->outcome();
        }
        return failure(Code::kTimeout, "a put to {} goes on: waiting for it ended by the deadline",
                       posted_->peer().name());
    }
    void settle() override {
        if (!std::exchange(is_settled_, true) && !in_forked_child()) {
            posted_->settle();
            posted_->drive(state_.lanes, Deadline::never());
            state_.begun.forget(posted_);
        }
    }

 private:
    FabricState& state_;
    const std::shared_ptr<PostedPut> posted_;
    bool is_settled_ = false;
};

}  // namespace

Status check_process() {
    return in_forked_child()
               ? Status(Code::kNotInitialized, "the fabric stayed in the parent of this forked child")
               : Status();
}

std::unique_ptr<RemoteTransfer> begin_host(FabricState& state, const std::shared_ptr<FabricPeer>& peer,
                                           FabricFlow flow, std::span<const FabricPiece> pieces,
                                           Deadline deadline) {
    FabricLane& home = state.own_lane(*peer);
    std::shared_ptr<BegunTransfer> begun(new BegunTransfer(peer, {pieces.begin(), pieces.end()}, home, flow,
                                                           state.cut(), deadline, state.counts(flow)));
    // First, since it waits for the end where something is missing later on.
    auto handle = std::make_unique<BegunHandle>(state, begun);
    start_transfer(state.lanes, home, begun->transfer);
    if (!begun->transfer.has_ended()) {
        state.begun.add(begun);
        home.nudge();
    }
    return handle;
}

std::unique_ptr<RemoteTransfer> post_host(FabricState& state, const std::shared_ptr<FabricPeer>& peer,
                                          const FabricPiece& piece, Deadline deadline) {
    FabricLane& home = state.own_lane(*peer);
    auto posted = std::make_shared<PostedPut>(peer, piece, home, state.cut(), deadline, state.puts);
    auto handle = std::make_unique<PostHandle>(state, posted);
    start_transfer(state.lanes, home, posted->first());
    if (!posted->first().has_ended()) {
        home.origin().work();  // where the engine took it, it has told its end by now
    }
    state.begun.add(posted);
    if (!posted->first().has_ended()) {
        home.nudge();
    }
    return handle;
}

}  // namespace memfabric::transport
