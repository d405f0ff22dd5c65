// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_transport.h"

#include <rdma/fi_errno.h>

#include <algorithm>

#include "base/fork_guard.h"
#include "transport/fabric/fabric_state.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {
namespace {

constexpr uint64_t kPeersMay = FI_REMOTE_READ | FI_REMOTE_WRITE;
constexpr size_t kMostPieces = 16;

/// The target checks too, but tells nobody why it closes the connection.
Status check_pieces(const FabricPeer& peer, std::span<const FabricPiece> pieces) {
    for (const FabricPiece& piece : pieces) {
        if (piece.offset > piece.region.size || piece.size > piece.region.size - piece.offset) {
            return failure(Code::kInvalidParam,
                           "{}: {} bytes at offset {} are not inside its region of {} bytes", peer.name(),
                           piece.size, piece.offset, piece.region.size);
        }
    }
    return {};
}

size_t pieces_an_operation(const fi_info& info) {
    const size_t granted = std::min(info.tx_attr->iov_limit, info.tx_attr->rma_iov_limit);
    return std::clamp<size_t>(granted, 1, kMostPieces);
}

uint64_t total_size(std::span<const FabricPiece> pieces) {
    uint64_t total = 0;
    for (const FabricPiece& piece : pieces) {
        total += piece.size;
    }
    return total;
}

/// Registers under a key of its own choice or ours; draws again where the key is taken.
Result<FidPtr<fid_mr>> register_memory(FabricState& state, std::span<std::byte> memory) {
    for (;;) {
        MF_ASSIGN_OR_RETURN(const uint64_t key, random_number());
        const size_t bytes = state.info->domain_attr->mr_key_size;
        const uint64_t mask = bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * bytes)) - 1;
        fid_mr* region = nullptr;
        const int code = fi_mr_reg(state.domain.get(), memory.data(), memory.size(), kPeersMay, 0, key & mask,
                                   0, &region, nullptr);
        if (code == 0) {
            return FidPtr<fid_mr>(region);
        }
        if (code != -FI_ENOKEY) {
            return failure(Code::kError, "exposing {} bytes at {} to the fabric failed: {}", memory.size(),
                           static_cast<const void*>(memory.data()), fi_strerror(-code));
        }
    }
}

Status check_process() {
    return in_forked_child()
               ? Status(Code::kNotInitialized, "the fabric stayed in the parent of this forked child")
               : Status();
}

Status transfer_pieces(FabricState& state, FabricFlow flow, const TransferPeer& peer,
                       std::span<const FabricPiece> pieces, Deadline deadline) {
    uint64_t retried = 0;
    Status status =
        run_transfer(*state.origin, peer, flow, pieces, pieces_an_operation(*state.info), deadline, retried);
    state.retried += retried;
    if (status.is_ok()) {
        const bool is_put = flow == FabricFlow::kPut;
        (is_put ? state.put_calls : state.get_calls) += 1;
        (is_put ? state.put_bytes : state.get_bytes) += total_size(pieces);
    }
    return status;
}

}  // namespace

struct ExposedRegion::Registration {
    FidPtr<fid_mr> region;
};

ExposedRegion::ExposedRegion(RemoteRegion region, std::unique_ptr<Registration> registration)
    : region_(region), registration_(std::move(registration)) {}
ExposedRegion::ExposedRegion(ExposedRegion&& other) noexcept = default;
ExposedRegion& ExposedRegion::operator=(ExposedRegion&& other) noexcept = default;
ExposedRegion::~ExposedRegion() = default;

FabricTransport::FabricTransport(std::unique_ptr<FabricState> state) : state_(std::move(state)) {}

FabricTransport::~FabricTransport() {
    if (in_forked_child()) {
        static_cast<void>(state_.release());  // its thread and its connections are the parent's
    }
}

Result<std::unique_ptr<FabricTransport>> FabricTransport::start(const FabricConfig& config) {
    watch_for_fork();
    MF_ASSIGN_OR_RETURN(auto state, FabricState::open(config.provider, config.local_address));
    state->host_id = config.host_id;
    return std::unique_ptr<FabricTransport>(new FabricTransport(std::move(state)));
}

Reach FabricTransport::reach(const Peer& peer) const {
    return peer.host_id == state_->host_id ? Reach::kNone : Reach::kCopy;
}

const FabricAddress& FabricTransport::address() const {
    return state_->address;
}

Result<ExposedRegion> FabricTransport::expose(std::span<std::byte> memory) {
    MF_RETURN_IF_ERROR(check_process());
    MF_ASSIGN_OR_RETURN(auto registered, register_memory(*state_, memory));
    RemoteRegion region;
    region.key = fi_mr_key(registered.get());
    region.size = memory.size();
    if ((state_->info->domain_attr->mr_mode & FI_MR_VIRT_ADDR) != 0) {
        region.base = reinterpret_cast<uint64_t>(memory.data());
    }
    auto registration = std::make_unique<ExposedRegion::Registration>();
    registration->region = std::move(registered);
    return ExposedRegion(region, std::move(registration));
}

Result<std::shared_ptr<FabricPeer>> FabricTransport::connect(const FabricAddress& address, std::string name) {
    MF_RETURN_IF_ERROR(check_process());
    if (address.provider != state_->address.provider || address.endpoints.empty() ||
        address.endpoints.front().size() != state_->address.endpoints.front().size()) {
        return failure(Code::kNotSupported,
                       "{} is reached by provider '{}', this process uses '{}': set MF_FABRIC_PROVIDER and "
                       "MF_FABRIC_ADDRESS alike on both hosts",
                       name, address.provider, state_->address.provider);
    }
    const std::string& target = address.endpoints.front();
    MF_ASSIGN_OR_RETURN(const fi_addr_t handle, state_->origin->insert(target));
    return std::shared_ptr<FabricPeer>(new FabricPeer(std::move(name), target, handle));
}

Status FabricTransport::put(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_pieces(peer, pieces));
    return transfer_pieces(*state_, FabricFlow::kPut,
                           {peer.name_, peer.address_, peer.handle_, &peer.abandoned_}, pieces, deadline);
}

Status FabricTransport::get(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_pieces(peer, pieces));
    return transfer_pieces(*state_, FabricFlow::kGet,
                           {peer.name_, peer.address_, peer.handle_, &peer.abandoned_}, pieces, deadline);
}

FabricCounters FabricTransport::counters() const {
    return {state_->put_bytes, state_->put_calls,       state_->get_bytes,
            state_->get_calls, state_->origin->begun(), state_->retried};
}

}  // namespace memfabric::transport
