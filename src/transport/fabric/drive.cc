// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/drive.h"

#include <algorithm>
#include <utility>

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

}  // namespace

void start_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    for (size_t i = 0; i < lanes.size() && transfer.bytes() >= kStripeFrom; ++i) {
        if (lanes[i].get() != &home) {
            lanes[i]->origin().share(transfer);
            lanes[i]->summon();
        }
    }
    home.origin().start(transfer);
}

bool look_after(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    const bool had_doubts = transfer.has_doubts();
    Status reason = transfer.judge();
    if (had_doubts && reason.is_ok()) {
        home.origin().start(transfer);
        home.nudge();
    }
    if (!reason.is_ok()) {
        transfer.stop(std::move(reason));
        for (size_t i = 0; i < lanes.size() && !transfer.has_ended(); ++i) {
            lanes[i]->origin().break_off(transfer, transfer.peer().way(i).address);
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
