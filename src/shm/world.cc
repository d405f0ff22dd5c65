// SPDX-License-Identifier: Apache-2.0
#include "shm/world.h"

#include "base/attempt.h"

namespace memfabric::shm {

void World::release_rank() {
    if (!rank_.is_held()) {
        return;
    }
    constexpr auto kPatience = std::chrono::milliseconds(500);
    const Deadline soon = Deadline::after(kPatience);
    static_cast<void>(
        attempt_until(soon, [&] { return runtime_->store().remove_prefix(wanted_prefix(), soon).status(); }));
    rank_.release();
}

Status World::take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline) {
    store::RankRequest request;
    request.world = "shm";
    request.world_size = config_.world_size;
    request.rank = config_.rank;
    request.device_id = config_.device_id;
    runtime_ = runtime;
    return rank_.take(std::move(runtime), request, deadline);
}

}  // namespace memfabric::shm
