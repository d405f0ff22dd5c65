// SPDX-License-Identifier: Apache-2.0
#include "runtime/held_rank.h"

#include <utility>

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric {
namespace {

constexpr auto kGoodbyePatience = std::chrono::milliseconds(500);

}  // namespace

Status HeldRank::take(std::shared_ptr<Runtime> runtime, const store::RankRequest& request,
                      Deadline deadline) {
    world_ = request.world;
    MF_ASSIGN_OR_RETURN(const store::RankReply reply, runtime->store().assign_rank(request, deadline));
    number_ = reply.rank;
    runtime_ = std::move(runtime);
    is_held_ = true;
    return {};
}

void HeldRank::release() {
    if (!is_held_.exchange(false)) {
        return;
    }
    const Deadline patience = Deadline::after(kGoodbyePatience);
    const Status released =
        attempt_until(patience, [&] { return runtime_->store().release_rank(world_, patience); });
    if (!released.is_ok()) {
        log_debug("rank {} was not given back by name ({}); it ends with the connection at the latest",
                  number_, released.message());
    }
}

}  // namespace memfabric
