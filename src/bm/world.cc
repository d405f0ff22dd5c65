// SPDX-License-Identifier: Apache-2.0
#include "bm/world.h"

namespace memfabric::bm {

Status World::take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline) {
    store::RankRequest request;
    request.world = "bm";
    request.world_size = config_.world_size;
    request.dynamic = config_.dynamic_world_size;
    request.rank = config_.rank;
    request.device_id = config_.device_id;
    MF_RETURN_IF_ERROR(rank_.take(runtime, request, deadline));
    if (rank() >= slots()) {
        return failure(Code::kError, "the store assigned rank {} in a world of {}", rank(), slots());
    }
    runtime_ = std::move(runtime);
    return {};
}

}  // namespace memfabric::bm
