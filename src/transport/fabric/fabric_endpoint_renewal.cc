// SPDX-License-Identifier: Apache-2.0
// How an endpoint gets new connections: those of one peer are broken, or it is closed and opened again.
#include <poll.h>

#include <chrono>
#include <utility>

#include "base/attempt.h"
#include "base/deadline.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/peer_sockets.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {
namespace {

constexpr uint64_t kWays = FI_TRANSMIT | FI_RECV | FI_SELECTIVE_COMPLETION;
// A broken connection ends its operations within milliseconds.
constexpr std::chrono::milliseconds kBreakingTakes{500};
constexpr int kLookAgainAfter = 1;  // milliseconds
// It goes through all descriptors of the process.
constexpr std::chrono::seconds kNoticesEvery{1};

}  // namespace

Status FabricEndpoint::renew_endpoint() {
    MF_ASSIGN_OR_RETURN(CompletionQueue completions, open_completion_queue(domain_, FI_CQ_FORMAT_CONTEXT,
                                                                           2 * OperationWindow::kPlaces, ""));
    MF_ASSIGN_OR_RETURN(endpoint_, open_endpoint(domain_, info_, *completions.queue, *addresses_, kWays, ""));
    queue_ = std::move(completions);
    wait_descriptor_.store(queue_.wait_descriptor);
    on_renewed_();
    if ((info_.domain_attr->mr_mode & FI_MR_LOCAL) == 0) {
        discards_to_post_ = kDiscards;
        post_discards();
    }
    if (!congestion_.is_hosts()) {
        MF_ASSIGN_OR_RETURN(const std::string address, address_of(*endpoint_, ""));
        congestion_.set_for_incoming(address);
    }
    return {};
}

bool FabricEndpoint::has_operations_of(const Transfer& transfer) const {
    return window_.any_of([&](const Transfer& other) { return &other == &transfer; });
}

int FabricEndpoint::break_connections(std::string_view peer_address) const {
    int broken = 0;
    static_cast<void>(
        did_with_memory([&] { broken = finds_sockets_ ? break_connections_to(peer_address) : 0; }));
    return broken;
}

void FabricEndpoint::break_off(const Transfer& transfer, std::string_view peer_address) {
    const std::scoped_lock guard(lock_);
    progress();
    if (!has_operations_of(transfer)) {
        return;
    }
    if (break_connections(peer_address) > 0) {
        const Deadline deadline = Deadline::after(kBreakingTakes);
        while (has_operations_of(transfer) && !deadline.expired()) {
            pollfd wait{wait_descriptor_.load(), POLLIN, 0};
            ::poll(&wait, 1, kLookAgainAfter);
            progress();
        }
    }
    if (has_operations_of(transfer)) {
        reopen();
    }
    note_business();
}

void FabricEndpoint::ignore_sockets() {
    const std::scoped_lock guard(lock_);
    finds_sockets_ = false;
}

bool FabricEndpoint::has_operations_at(std::string_view peer_address) const {
    return window_.any_of(
        [&](const Transfer& transfer) { return transfer.peer().way(lane_).address == peer_address; });
}

void FabricEndpoint::renew_connections(const FabricPeer& peer, bool thoroughly) {
    const std::string& peer_address = peer.way(lane_).address;
    const std::scoped_lock guard(lock_);
    if (has_operations_at(peer_address)) {
        return;
    }
    if (break_connections(peer_address) == 0 || thoroughly) {
        reopen();
    }
    note_business();
}

void FabricEndpoint::notice_dead_connections(const FabricPeer& peer) {
    const std::string& peer_address = peer.way(lane_).address;
    const std::scoped_lock guard(lock_);
    const auto now = std::chrono::steady_clock::now();
    if (finds_sockets_ && now - noticed_ >= kNoticesEvery && has_operations_at(peer_address)) {
        noticed_ = now;
        static_cast<void>(did_with_memory([&] { notice_dead_connections_with(peer_address); }));
    }
}

void FabricEndpoint::reopen() {
    endpoint_.reset();
    for (size_t place = 0; place < window_.places_made(); ++place) {
        if (window_[place].transfer != nullptr) {
            finish(context_of(place), FI_ECANCELED);
        }
    }
    // Where that fails nothing has room until it is done again for what is next to be sent.
    static_cast<void>(attempt([this] { return renew_endpoint(); }));
}

}  // namespace memfabric::transport
