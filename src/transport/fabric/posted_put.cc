// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/posted_put.h"

#include <chrono>
#include <utility>

namespace memfabric::transport {
namespace {

// Whoever answers does so sooner. The kernel repeats what a link loses by itself.
constexpr std::chrono::milliseconds kAgainAfter{20};

}  // namespace

PostedPut::PostedPut(std::shared_ptr<FabricPeer> peer, const FabricPiece& piece, FabricLane& home, Cut cut,
                     Deadline deadline, FlowCounts& counts)
    : peer_(std::move(peer)),
      piece_(piece),
      home_(home),
      cut_(cut),
      deadline_(deadline),
      counts_(counts),
      first_(*peer_, FabricFlow::kPut, {&piece_, 1}, cut_, deadline_, counts_, Transfer::Word::kNone) {}

Transfer* PostedPut::second() {
    const std::lock_guard lock(mutex_);
    return second_ ? &*second_ : nullptr;
}

bool PostedPut::is_decided() {
    if (!first_.has_ended()) {
        return false;
    }
    const Transfer* const again = second();
    return again != nullptr ? again->has_ended() : !first_.outcome().is_ok();
}

Status PostedPut::outcome() {
    const Transfer* const again = second();
    return again != nullptr ? again->outcome() : first_.outcome();
}

void PostedPut::confirm(const FabricLanes& lanes) {
    if (!first_.has_ended() || !first_.outcome().is_ok()) {
        return;
    }
    Transfer* begun = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (is_settled_ || second_) {
            return;
        }
        begun = &second_.emplace(*peer_, FabricFlow::kPut, std::span(&piece_, 1), cut_, deadline_, counts_);
    }
    start_transfer(lanes, home_, *begun);
    if (!begun->has_ended()) {
        home_.nudge();
    }
}

void PostedPut::look(const FabricLanes& lanes, Deadline::Clock::time_point now) {
    if (!first_.has_ended()) {
        look_after(lanes, home_, first_);
    } else if (Transfer* const again = second(); again != nullptr) {
        look_after(lanes, home_, *again);
    } else if (now - posted_ >= kAgainAfter) {
        confirm(lanes);
    }
}

bool PostedPut::drive(const FabricLanes& lanes, Deadline until) {
    if (!first_.has_ended() && !drive_transfer(lanes, home_, first_, until)) {
        return false;
    }
    Transfer* const again = second();
    return again == nullptr || again->has_ended() || drive_transfer(lanes, home_, *again, until);
}

void PostedPut::settle() {
    const std::lock_guard lock(mutex_);
    is_settled_ = true;
}

}  // namespace memfabric::transport
