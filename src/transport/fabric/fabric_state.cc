// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_state.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <utility>

#include "transport/fabric/fabric_transport.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/provider.h"
#include "transport/fabric/registration.h"

namespace memfabric::transport {
namespace {

Status open_domain(FabricState& state) {
    fid_fabric* fabric = nullptr;
    if (const int code = fi_fabric(state.info->fabric_attr, &fabric, nullptr); code != 0) {
        return failure(Code::kError, "libfabric: opening provider {} failed: {}",
                       state.info->fabric_attr->prov_name, fi_strerror(-code));
    }
    state.fabric.reset(fabric);
    fid_domain* domain = nullptr;
    if (const int code = fi_domain(fabric, state.info.get(), &domain, nullptr); code != 0) {
        return failure(Code::kError, "libfabric: opening domain {} failed: {}", state.info->domain_attr->name,
                       fi_strerror(-code));
    }
    state.domain.reset(domain);
    return {};
}

/// Threads of this process that moved something are counted through.
size_t number_of_this_thread() {
    static std::atomic<size_t> threads{0};
    thread_local const size_t number = threads++;
    return number;
}

}  // namespace

Result<std::unique_ptr<FabricState>> FabricState::open(const FabricConfig& config) {
    auto state = std::make_unique<FabricState>();
    state->host_id = config.host_id;
    state->peer_timeout = config.peer_timeout;
    state->patience = config.patience;
    state->device = config.device;
    MF_ASSIGN_OR_RETURN(state->info, choose_provider(config.provider, config.local_address));
    MF_RETURN_IF_ERROR(open_domain(*state));
    state->address.provider = state->info->fabric_attr->prov_name;
    MF_ASSIGN_OR_RETURN(state->address.instance, random_number());
    const bool register_local =
        config.register_local || (state->info->domain_attr->mr_mode & FI_MR_LOCAL) != 0;
    for (size_t i = 0; i < std::max<size_t>(config.endpoints, 1); ++i) {
        MF_ASSIGN_OR_RETURN(auto lane, FabricLane::open(*state->fabric, *state->domain, *state->info, i,
                                                        register_local, state->activity));
        state->address.endpoints.push_back(lane->target().address());
        state->lanes.push_back(std::move(lane));
    }
    MF_RETURN_IF_ERROR(open_messenger(*state));
    return state;
}

FabricLane& FabricState::own_lane() const {
    return *lanes[number_of_this_thread() % lanes.size()];
}

Result<std::vector<FabricPeer::Way>> FabricState::ways_to(const FabricAddress& peer) {
    std::vector<FabricPeer::Way> ways;
    for (size_t i = 0; i < lanes.size(); ++i) {
        const std::string& there = peer.endpoints[i % peer.endpoints.size()];
        Result<fi_addr_t> handle = lanes[i]->origin().insert(there);
        if (!handle.is_ok()) {
            forget(ways);
            return std::move(handle).status();
        }
        ways.push_back({there, *handle});
    }
    return ways;
}

void FabricState::forget(const std::vector<FabricPeer::Way>& ways) {
    for (size_t i = 0; i < ways.size(); ++i) {
        lanes[i]->origin().release(ways[i].address);
    }
}

void FabricState::let_targets_work() const {
    for (const auto& lane : lanes) {
        lane->target().work();
    }
}

uint64_t FabricState::begun_operations() const {
    uint64_t begun_ones = 0;
    for (const auto& lane : lanes) {
        begun_ones += lane->origin().begun();
    }
    return begun_ones;
}

}  // namespace memfabric::transport
