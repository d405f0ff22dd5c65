// SPDX-License-Identifier: Apache-2.0
#include "bm/world.h"

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::bm {
namespace {

constexpr const char* kWorldName = "bm";
constexpr auto kGoodbyePatience = std::chrono::milliseconds(500);

}  // namespace

World::~World() {
    release_rank();
}

void World::release_rank() {
    if (!has_rank_.exchange(false)) {
        return;
    }
    const Deadline patience = Deadline::after(kGoodbyePatience);
    const Status released =
        attempt_until(patience, [&] { return runtime_->store().release_rank(kWorldName, patience); });
    if (!released.is_ok()) {
        log_debug("rank {} was not given back by name ({}); it ends with the connection", rank_,
                  released.message());
    }
}

Status World::take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline) {
    store::RankRequest request;
    request.world = kWorldName;
    request.world_size = config_.world_size;
    request.dynamic = config_.dynamic_world_size;
    request.rank = config_.rank;
    request.device_id = config_.device_id;
    MF_ASSIGN_OR_RETURN(const store::RankReply reply, runtime->store().assign_rank(request, deadline));
    if (reply.rank >= slots()) {
        return failure(Code::kError, "the store assigned rank {} in a world of {}", reply.rank, slots());
    }
    rank_ = reply.rank;
    runtime_ = std::move(runtime);
    has_rank_ = true;
    return {};
}

}  // namespace memfabric::bm
