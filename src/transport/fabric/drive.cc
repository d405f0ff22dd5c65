// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/drive.h"

#include <algorithm>
#include <utility>

#include "base/attempt.h"
#include "transport/fabric/spin_yield.h"

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;

// Fewer bytes are there sooner than another thread has woken up.
constexpr uint64_t kStripeFrom = 1U << 20;
// Small operations are back within it between hosts that are near each other.
constexpr std::chrono::microseconds kSpin{20};
// How often it is looked whether a transfer should not go on.
constexpr std::chrono::milliseconds kLongestSleep{10};
// Nobody wakes us when the engine has room again, or the peer's answer to a question is there.
constexpr std::chrono::milliseconds kShortSleep{1};

/// What is to be given to the engine (again) goes over `home` where that leads to the peer.
void hand_to_a_lane(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    const FabricPeer& peer = transfer.peer();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].get() == &home && peer.uses(i)) {
            home.origin().start(transfer);
            home.nudge();
            return;
        }
    }
    const uint64_t others = transfer.bytes() >= kStripeFrom ? peer.lanes() : uint64_t{1} << peer.lane_of(0);
    for (size_t i = 0; i < lanes.size(); ++i) {
        if ((others >> i & 1) != 0) {
            lanes[i]->origin().share(transfer);
            lanes[i]->summon();
        }
    }
}

/// What is under way on lanes that have gone silent comes back, as failed. True where there were any.
bool leave_silent_lanes(const FabricLanes& lanes, Transfer& transfer) {
    const uint64_t silent = transfer.take_silent_lanes();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if ((silent >> i & 1) != 0) {
            lanes[i]->origin().detach(transfer);
            lanes[i]->origin().break_off(transfer, transfer.peer().way(i).address);
        }
    }
    return silent != 0;
}

/// A peer holds on to a connection that its host has not found dead yet, and refuses a new one for so long:
/// what waits for that goes over other rails.
void offer_to_other_rails(const FabricLanes& lanes, Transfer& transfer) {
    const FabricPeer& peer = transfer.peer();
    const size_t first = peer.way(peer.lane_of(0)).rail;
    bool has_others = false;
    for (size_t i = 0; i < lanes.size(); ++i) {
        has_others = has_others || (peer.uses(i) && peer.way(i).rail != first);
    }
    if (!has_others || !transfer.is_stuck()) {
        return;
    }
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (peer.uses(i)) {
            lanes[i]->origin().share(transfer);
            lanes[i]->summon();
        }
    }
}

void renew_connections(const FabricLanes& lanes, Transfer& transfer) {
    const int wishes = transfer.take_wish_for_connections();
    const FabricPeer& peer = transfer.peer();
    for (size_t i = 0; i < lanes.size() && wishes > 0; ++i) {
        if (peer.uses(i) && lanes[i]->origin().is_full()) {
            lanes[i]->origin().renew_connections(peer, wishes > 1);
        }
    }
}

/// The peer may have given a connection up while its link was cut, and all was sent before.
void doubt_connections(const FabricLanes& lanes, Transfer& transfer) {
    const FabricPeer& peer = transfer.peer();
    const bool doubts = transfer.take_doubt_of_connections();
    for (size_t i = 0; i < lanes.size() && doubts; ++i) {
        if (peer.uses(i)) {
            lanes[i]->origin().notice_dead_connections(peer);
        }
    }
}

/// Where there is no memory to find out more it goes on, until the deadline.
Status judge(Transfer& transfer) {
    Status reason;
    if (!did_with_memory([&] { reason = transfer.judge(); }) && transfer.deadline().expired()) {
        return Status::without_memory(Code::kTimeout);
    }
    return reason;
}

}  // namespace

void start_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    for (size_t i = 0; i < lanes.size() && transfer.bytes() >= kStripeFrom; ++i) {
        if (lanes[i].get() != &home && transfer.peer().uses(i)) {
            lanes[i]->origin().share(transfer);
            lanes[i]->summon();
        }
    }
    home.origin().start(transfer);
}

bool look_after(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    Status reason = judge(transfer);
    const bool needs_lane = transfer.take_need_for_lane();
    if (reason.is_ok() && (leave_silent_lanes(lanes, transfer) || needs_lane)) {
        hand_to_a_lane(lanes, home, transfer);
    } else if (reason.is_ok()) {
        offer_to_other_rails(lanes, transfer);
        renew_connections(lanes, transfer);
        doubt_connections(lanes, transfer);
    }
    if (!reason.is_ok()) {
        transfer.stop(std::move(reason));
        for (size_t i = 0; i < lanes.size() && !transfer.has_ended(); ++i) {
            if (!transfer.peer().way(i).address.empty()) {
                lanes[i]->origin().break_off(transfer, transfer.peer().way(i).address);
            }
        }
    }
    return transfer.has_ended();
}

bool drive_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer, Deadline until) {
    const FabricLane::Driver driver(home);
    const bool yields = home.should_yield();
    Clock::time_point now = Clock::now();
    SpinYield pause(now);
    for (const Clock::time_point end = now + kSpin; !transfer.has_ended() && now < end;) {
        home.origin().work();
        for (const auto& lane : lanes) {
            lane->help_target();
        }
        now = Clock::now();
        if (yields) {
            now = pause.yield_if_due(now);
        }
    }
    if (!transfer.has_ended()) {
        home.note_long_wait();
    }
    while (!transfer.has_ended() && !look_after(lanes, home, transfer)) {
        if (until.expired()) {
            return false;
        }
        const auto longest = home.origin().is_full() || transfer.has_doubts() ? kShortSleep : kLongestSleep;
        home.sleep(transfer, std::min({transfer.deadline().remaining(), until.remaining(), longest}));
        home.origin().work();
    }
    return true;
}

}  // namespace memfabric::transport
