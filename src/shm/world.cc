// SPDX-License-Identifier: Apache-2.0
#include "shm/world.h"

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::shm {
namespace {

constexpr const char* kWorldName = "shm";
constexpr auto kGoodbyePatience = std::chrono::milliseconds(500);

}  // namespace

World::~World() {
    release_rank();
}

void World::release_rank() {
    if (!has_rank_.exchange(false)) {
        return;
    }
    const Deadline soon = Deadline::after(kGoodbyePatience);
    static_cast<void>(
        attempt_until(soon, [&] { return runtime_->store().remove_prefix(wanted_prefix(), soon).status(); }));
    const Deadline patience = Deadline::after(kGoodbyePatience);
    const Status released =
        attempt_until(patience, [&] { return runtime_->store().release_rank(kWorldName, patience); });
    if (!released.is_ok()) {
        log_debug("rank {} was not given back by name ({}); it ends with the connection", config_.rank,
                  released.message());
    }
}

Status World::take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline) {
    store::RankRequest request;
    request.world = kWorldName;
    request.world_size = config_.world_size;
    request.rank = config_.rank;
    request.device_id = config_.device_id;
    MF_RETURN_IF_ERROR(runtime->store().assign_rank(request, deadline).status());
    runtime_ = std::move(runtime);
    has_rank_ = true;
    return {};
}

}  // namespace memfabric::shm
