// SPDX-License-Identifier: Apache-2.0
// How requests get around a connection that libfabric never finished. Where memory runs out while one is
// being made, libfabric 1.17 (`rxm`) may keep half of it for good, on either side: nothing goes over it,
// nothing ends it, and the two endpoints get no other one. Requests of another endpoint of ours have a
// connection of their own, and so have their answers.
#include <algorithm>

#include "base/attempt.h"
#include "base/log.h"
#include "transport/fabric/messages_route.h"

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;

// Before the second spare it is four times as long, and before the third again: most often a peer is silent
// because it stands still or is cut off, which no endpoint of ours helps.
constexpr std::chrono::seconds kSilence{2};

}  // namespace

void Messenger::doubt(Route& route, Clock::time_point now) {
    const Clock::time_point silent_since = std::max(route.silent_since.value_or(now), route.spare_at);
    if (route.is_doubted || route.spares == Route::kMostSpares ||
        now - silent_since < kSilence * (1 << 2 * route.spares)) {
        return;
    }
    if (did_with_memory([&] { doubted_.push_back(route.instance); })) {
        route.is_doubted = true;
        wake();
    }
}

void Messenger::add_spares() {
    std::vector<uint64_t> doubted;
    {
        const std::scoped_lock guard(mutex_);
        doubted.swap(doubted_);
    }
    for (const uint64_t life : doubted) {
        std::unique_lock guard(mutex_);
        const std::shared_ptr<Route> route = routes_.find(life);
        guard.unlock();
        if (route != nullptr) {
            add_spare(*route);
        }
    }
}

void Messenger::add_spare(Route& route) {
    bool is_any = false;
    for (const Way& way : route.ways) {
        const Result<Line> line = attempt([&]() -> Result<Line> {
            MF_ASSIGN_OR_RETURN(MessageEndpoint* const endpoint, spare(way.rail, route.spares));
            MF_ASSIGN_OR_RETURN(const fi_addr_t handle, endpoint->insert(way.address));
            return Line{endpoint, handle};
        });
        if (line.is_ok()) {
            const std::scoped_lock guard(mutex_);
            route.lines.push_back(*line);
            is_any = true;
        }
    }
    const std::scoped_lock guard(mutex_);
    route.spares += is_any ? 1 : 0;
    route.is_doubted = false;
    route.spare_at = Clock::now();
}

Result<MessageEndpoint*> Messenger::spare(size_t rail, size_t number) {
    std::vector<std::unique_ptr<MessageEndpoint>>& spares = spares_[rail];
    if (number < spares.size()) {
        return spares[number].get();
    }
    MF_ASSIGN_OR_RETURN(auto opened, MessageEndpoint::open(rails_[rail]));
    on_listening_(opened->address());
    spares.push_back(std::move(opened));
    polled_.push_back(spares.back().get());
    log_info("fabric: a process answers no request over {}: asking it from another endpoint, too",
             rails_[rail].name());
    return spares.back().get();
}

}  // namespace memfabric::transport
