// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_state.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "transport/fabric/fabric_transport.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/provider.h"
#include "transport/fabric/registration.h"

namespace memfabric::transport {
namespace {

/// As many on each rail; the rails take turns, so that the first threads have one each.
Status open_lanes(FabricState& state, const FabricConfig& config) {
    const size_t rails = state.rails.size();
    const size_t of_each = std::clamp<size_t>(config.endpoints, 1, FabricAddress::kMostEndpoints / rails);
    state.address.ports.resize(rails);
    for (size_t i = 0; i < of_each * rails; ++i) {
        FabricRail& rail = state.rails[i % rails];
        const bool register_local = config.register_local || (rail.mr_mode() & FI_MR_LOCAL) != 0;
        Result<std::unique_ptr<FabricLane>> opened =
            FabricLane::open(rail, i, register_local, state.congestion, state.activity);
        if (!opened.is_ok()) {
            return opened.status().with_context(fmt::format("network interface {}", rail.name()));
        }
        std::unique_ptr<FabricLane> lane = std::move(opened).value();
        if (!config.finds_sockets) {
            lane->origin().ignore_sockets();
        }
        state.address.ports[i % rails].endpoints.push_back(lane->target().address());
        state.address.ports[i % rails].standby = rail.nic.standby;
        state.lanes.push_back(std::move(lane));
    }
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
    std::vector<std::string> names =
        config.preferred.empty() ? providers_of(config.provider) : config.preferred;
    for (;;) {
        auto state = std::make_unique<FabricState>();
        const Status opened = state->open_with(names, config);
        if (opened.is_ok()) {
            return state;
        }
        const std::string failed = state->rails.empty() ? "" : state->rails.front().provider();
        const auto tried = std::ranges::find(names, failed);
        if (opened.code() == Code::kMallocFailed || tried == names.end() || tried + 1 == names.end()) {
            return opened;
        }
        log_warn("fabric: provider {} is here, but does not start: {}. Trying {}", failed, opened.message(),
                 *(tried + 1));
        names.erase(names.begin(), tried + 1);
    }
}

Status FabricState::open_with(std::span<const std::string> providers, const FabricConfig& config) {
    host_id = config.host_id;
    peer_timeout = config.peer_timeout;
    patience = config.patience;
    device = config.device;
    MF_ASSIGN_OR_RETURN(congestion, CongestionControl::choose(config.congestion));
    const uint64_t simulated =
        (config.draw_keys ? FI_MR_PROV_KEY : 0U) | (config.virtual_addresses ? FI_MR_VIRT_ADDR : 0U);
    MF_ASSIGN_OR_RETURN(rails, open_rails(providers, config.nics, simulated));
    address.provider = rails.front().provider();
    address.settings = settings_of(address.provider);
    MF_ASSIGN_OR_RETURN(address.instance, random_number());
    MF_RETURN_IF_ERROR(open_lanes(*this, config));
    return open_messenger(*this);
}

Cut FabricState::cut() const {
    const fi_tx_attr& granted = *info().tx_attr;
    const size_t most_pieces = std::min(granted.iov_limit, granted.rma_iov_limit);
    return {.most_pieces = std::clamp<size_t>(most_pieces, 1, FabricOperation::kMostPieces)};
}

FabricLane& FabricState::own_lane(FabricPeer& peer) const {
    if (peer.silent_rails() != 0) {
        peer.look_again();
    }
    return *lanes[peer.lane_of(number_of_this_thread())];
}

Result<std::vector<FabricPeer::Way>> FabricState::ways_to(const FabricAddress& peer,
                                                          std::span<const RailWay> rail_ways) {
    std::vector<FabricPeer::Way> ways;
    for (size_t i = 0; i < lanes.size(); ++i) {
        const size_t rail = i % rails.size();
        const RailWay& rail_way = rail_ways[rail];
        ways.push_back({"", FI_ADDR_UNSPEC, rail, rail_way.grade});
        if (!rail_way.port) {
            continue;
        }
        const std::vector<std::string>& endpoints = peer.ports[*rail_way.port].endpoints;
        const std::string& there = endpoints[i / rails.size() % endpoints.size()];
        Result<fi_addr_t> handle = lanes[i]->origin().insert(there);
        if (!handle.is_ok()) {
            forget(ways);
            return std::move(handle).status();
        }
        ways.back().address = there;
        ways.back().handle = *handle;
    }
    return ways;
}

void FabricState::forget(const std::vector<FabricPeer::Way>& ways) {
    for (size_t i = 0; i < ways.size(); ++i) {
        if (!ways[i].address.empty()) {
            lanes[i]->origin().release(ways[i].address);
        }
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
