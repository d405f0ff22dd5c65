// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/drive.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;

// Small operations are back within it between hosts that are near each other.
constexpr std::chrono::microseconds kSpin{20};
// How often it is looked whether a transfer should not go on.
constexpr std::chrono::milliseconds kLongestSleep{10};
// Nobody wakes us when the engine has room again, or the peer's answer to a question is there.
constexpr std::chrono::milliseconds kShortSleep{1};

size_t envv(const char* n, size_t d) {
    const char* e = ::getenv(n);
    return e ? strtoull(e, nullptr, 0) : d;
}

}  // namespace

Cut cut_for([[maybe_unused]] uint64_t bytes, [[maybe_unused]] size_t lanes, size_t most_pieces) {
    static const size_t chunk = envv("X_CHUNK", 1 << 20);
    return {most_pieces, chunk};
}

void start_transfer(const FabricLanes& lanes, FabricLane& home, Transfer& transfer) {
    static const size_t stripe = envv("X_STRIPE", 1 << 20);
    if (lanes.size() > 1 && transfer.bytes() >= stripe) {
        for (const auto& lane : lanes) {
            if (lane.get() != &home) {
                lane->origin().share(transfer);
                lane->nudge();
            }
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
    for (const Clock::time_point end = Clock::now() + kSpin; !transfer.has_ended() && Clock::now() < end;) {
        home.origin().work();
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
