// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_transport.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/attempt.h"
#include "base/fork_guard.h"
#include "store/wire.h"
#include "transport/fabric/atomics.h"
#include "transport/fabric/begun_handles.h"
#include "transport/fabric/device_staging.h"
#include "transport/fabric/fabric_state.h"
#include "transport/fabric/incoming_connections.h"
#include "transport/fabric/libfabric.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/peer_ways.h"
#include "transport/fabric/registration.h"

namespace memfabric::transport {
namespace {

constexpr uint64_t kPeersMay = FI_REMOTE_READ | FI_REMOTE_WRITE;
// Who waits so long for an answer begins to look whether the peer is there.
constexpr std::chrono::milliseconds kLookAfter{20};

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

/// Gives a peer's places in the address vectors back: nobody posts to it any more.
struct ForgetPeer {
    FabricState& state;
    void operator()(FabricPeer* peer) const {
        if (!in_forked_child()) {
            state.forget(peer->ways());
        }
        delete peer;
    }
};

bool is_of_device(const FabricState& state, std::span<const std::byte> memory) {
    return state.device != nullptr && state.device->covers(memory.data(), memory.size());
}

bool is_of_device(const FabricState& state, std::span<const FabricPiece> pieces) {
    return state.device != nullptr && std::ranges::any_of(pieces, [&](const FabricPiece& piece) {
               return is_of_device(state, std::span<const std::byte>(piece.local, piece.size));
           });
}

/// Pieces of which any is of device memory.
Status move_device(FabricState& state, const std::shared_ptr<FabricPeer>& peer, FabricFlow flow,
                   std::span<const FabricPiece> pieces, Deadline deadline) {
    std::vector<FabricPiece> of_device;
    std::vector<FabricPiece> of_host;
    for (const FabricPiece& piece : pieces) {
        (is_of_device(state, {&piece, 1}) ? of_device : of_host).push_back(piece);
    }
    const auto host = begin_host(state, peer, flow, of_host, deadline);
    const auto begin = [&](std::span<const FabricPiece> staged) {
        return Result<std::unique_ptr<RemoteTransfer>>(begin_host(state, peer, flow, staged, deadline));
    };
    MF_RETURN_IF_ERROR(move_through_host(*state.device, flow, of_device, begin));
    return host->wait(Deadline::never());
}

Status transfer_pieces(FabricState& state, FabricFlow flow, FabricPeer& peer,
                       std::span<const FabricPiece> pieces, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_pieces(peer, pieces));
    if (is_of_device(state, pieces)) {
        const std::shared_ptr<FabricPeer> held_by_caller(std::shared_ptr<void>(), &peer);
        return move_device(state, held_by_caller, flow, pieces, deadline);
    }
    FabricLane& home = state.own_lane(peer);
    Transfer transfer(peer, flow, pieces, state.cut(), deadline, state.counts(flow));
    start_transfer(state.lanes, home, transfer);
    drive_transfer(state.lanes, home, transfer, Deadline::never());
    return transfer.outcome();
}

std::string_view named(std::string_view settings) {
    return settings.empty() ? "no such setting" : settings;
}

/// Both sides use one provider, set alike, and addresses of one kind somewhere.
Status check_provider(const FabricAddress& own, const FabricAddress& peer, const std::string& name) {
    const auto fits = [&](const FabricPort& port) {
        return std::ranges::any_of(own.ports, [&](const FabricPort& ours) {
            return ours.endpoints.front().size() == port.endpoints.front().size();
        });
    };
    if (peer.provider != own.provider) {
        return failure(
            Code::kNotSupported,
            "{} is reached by provider '{}', this process uses '{}': set MF_FABRIC_PROVIDER alike on "
            "both hosts",
            name, peer.provider, own.provider);
    }
    if (peer.settings != own.settings) {
        return failure(
            Code::kNotSupported,
            "{} has {}, this process has {}: provider '{}' refuses connections between them. Set it "
            "alike on all hosts, or on none",
            name, named(peer.settings), named(own.settings), own.provider);
    }
    if (std::ranges::any_of(peer.ports, fits)) {
        return {};
    }
    return failure(Code::kNotSupported,
                   "{} is reached at addresses of another kind (IPv4, IPv6) than this process has: let "
                   "MF_FABRIC_ADDRESS name addresses of one kind, or interfaces that have them, on each host",
                   name);
}

/// Was over when it began.
class EndedTransfer final : public RemoteTransfer {
 public:
    explicit EndedTransfer(Status outcome) : outcome_(std::move(outcome)) {}
    bool is_done() override { return true; }
    Status wait(Deadline /*deadline*/) override { return outcome_; }

 private:
    const Status outcome_;
};

}  // namespace

struct ExposedRegion::Registration {
    Registration(FabricState& owner, uint64_t own_key, std::vector<FidPtr<fid_mr>> registered)
        : state(owner), key(own_key), regions(std::move(registered)) {}
    ~Registration() {
        if (in_forked_child()) {
            for (FidPtr<fid_mr>& region : regions) {
                static_cast<void>(region.release());  // the parent's, like the connections
            }
        } else if (!regions.empty()) {
            retire();
            // Whoever has the key could still use it: this is done, however long there is no memory for it.
            insist([this] {
                break_incoming_connections(state.address.endpoints(), [this] { state.let_targets_work(); });
            });
        }
    }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    void retire() {
        state.exposures.remove(key);
        regions.clear();
    }

    FabricState& state;
    const uint64_t key;
    std::vector<FidPtr<fid_mr>> regions;  // one a domain; none after retire()
};

ExposedRegion::ExposedRegion(RemoteRegion region, std::unique_ptr<Registration> registration)
    : region_(region), registration_(std::move(registration)) {}
ExposedRegion::ExposedRegion(ExposedRegion&& other) noexcept = default;
ExposedRegion& ExposedRegion::operator=(ExposedRegion&& other) noexcept = default;
ExposedRegion::~ExposedRegion() = default;

void ExposedRegion::retire() {
    registration_->retire();
}

FabricTransport::FabricTransport(std::unique_ptr<FabricState> state) : state_(std::move(state)) {}

FabricTransport::~FabricTransport() {
    if (in_forked_child()) {
        static_cast<void>(state_.release());  // its thread and its connections are the parent's
    }
}

Result<std::unique_ptr<FabricTransport>> FabricTransport::start(const FabricConfig& config) {
    watch_for_fork();
    const LibfabricUse use;
    MF_ASSIGN_OR_RETURN(auto state, FabricState::open(config));
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
    if (is_of_device(*state_, memory)) {
        return failure(
            Code::kNotSupported,
            "{} bytes at {:#x} are memory of a device that {} does not reach: they are put and got from "
            "here, not by other hosts",
            memory.size(), reinterpret_cast<uint64_t>(memory.data()), state_->address.provider);
    }
    MF_ASSIGN_OR_RETURN(auto registered, register_memory(state_->rails, memory, kPeersMay));
    RemoteRegion region;
    region.key = fi_mr_key(registered.front().get());
    region.size = memory.size();
    if ((state_->rails.front().mr_mode() & FI_MR_VIRT_ADDR) != 0) {
        region.base = reinterpret_cast<uint64_t>(memory.data());
    }
    state_->exposures.add(region.key, memory);
    auto registration =
        std::make_unique<ExposedRegion::Registration>(*state_, region.key, std::move(registered));
    return ExposedRegion(region, std::move(registration));
}

Result<std::shared_ptr<FabricPeer>> FabricTransport::connect(const FabricAddress& address, std::string name) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_provider(state_->address, address, name));
    const std::vector<RailWay> ways = ways_between(state_->address, address);
    MF_ASSIGN_OR_RETURN(auto route,
                        state_->messenger->route(ways_of_messages(address, ways), address.instance));
    auto contact =
        std::make_unique<PeerContact>(*state_->messenger, std::move(route), lines_of(*state_, address, ways),
                                      address.instance, state_->peer_timeout, state_->patience);
    MF_ASSIGN_OR_RETURN(auto lane_ways, state_->ways_to(address, ways));
    return std::shared_ptr<FabricPeer>(
        new FabricPeer(std::move(name), std::move(lane_ways), std::move(contact)), ForgetPeer{*state_});
}

Status FabricTransport::put(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) {
    return transfer_pieces(*state_, FabricFlow::kPut, peer, pieces, deadline);
}

Status FabricTransport::get(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) {
    return transfer_pieces(*state_, FabricFlow::kGet, peer, pieces, deadline);
}

Result<std::unique_ptr<RemoteTransfer>> FabricTransport::begin(const std::shared_ptr<FabricPeer>& peer,
                                                               FabricFlow flow,
                                                               std::span<const FabricPiece> pieces,
                                                               Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_pieces(*peer, pieces));
    if (is_of_device(*state_, pieces)) {
        return std::unique_ptr<RemoteTransfer>(
            std::make_unique<EndedTransfer>(move_device(*state_, peer, flow, pieces, deadline)));
    }
    return begin_host(*state_, peer, flow, pieces, deadline);
}

Result<std::unique_ptr<RemoteTransfer>> FabricTransport::post(const std::shared_ptr<FabricPeer>& peer,
                                                              const FabricPiece& piece, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_pieces(*peer, {&piece, 1}));
    if (is_of_device(*state_, {&piece, 1})) {
        return begin(peer, FabricFlow::kPut, {&piece, 1}, deadline);
    }
    return post_host(*state_, peer, piece, deadline);
}

void FabricTransport::on_activity(std::function<void()> listener) {
    state_->activity.set(std::move(listener));
}

void FabricTransport::poll() {
    for (const auto& lane : state_->lanes) {
        lane->poll_target();
    }
    state_->activity.tell();
}

Result<uint64_t> FabricTransport::atomic(FabricPeer& peer, const RemoteAtomic& atomic, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    MF_RETURN_IF_ERROR(check_atomic(atomic, peer.name()));
    MF_ASSIGN_OR_RETURN(const std::string answer, ask(peer, kAtomicService, encode_atomic(atomic), deadline));
    Result<uint64_t> before = store::decode<uint64_t>(answer);
    if (!before.is_ok()) {
        return failure(Code::kError, "atomic operation at {}: an answer of {} bytes", peer.name(),
                       answer.size());
    }
    return before;
}

Status FabricTransport::ping(FabricPeer& peer, Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    return ask(peer, kPingService, {}, deadline).status();
}

void FabricTransport::serve(uint32_t service, Messenger::Service handler) {
    if (check_process().is_ok()) {
        state_->messenger->serve(service, std::move(handler));
    }
}

Result<std::string> FabricTransport::request(FabricPeer& peer, uint32_t service, std::string_view payload,
                                             Deadline deadline) {
    MF_RETURN_IF_ERROR(check_process());
    return ask(peer, service, payload, deadline);
}

Result<std::string> FabricTransport::ask(FabricPeer& peer, uint32_t service, std::string_view payload,
                                         Deadline deadline) {
    MF_RETURN_IF_ERROR(peer.problem());
    const auto begun = Deadline::Clock::now();
    std::shared_ptr<PeerSigns> signs;
    const auto interruption = [&]() -> Status {
        MF_RETURN_IF_ERROR(peer.problem());
        if (signs == nullptr && Deadline::Clock::now() - begun > kLookAfter) {
            signs = peer.contact().signs(peer.name());
        }
        if (signs == nullptr) {
            return {};
        }
        MF_RETURN_IF_ERROR(signs->look(begun));
        peer.note_silent(signs);
        return {};
    };
    return state_->messenger->request(peer.contact().route(), peer.name(), service, payload, deadline,
                                      interruption);
}

bool FabricTransport::pins_pages() const {
    return (state_->info().domain_attr->mr_mode & FI_MR_ALLOCATED) != 0;
}

FabricCounters FabricTransport::counters() const {
    return {state_->puts.bytes, state_->puts.calls,         state_->gets.bytes,
            state_->gets.calls, state_->begun_operations(), state_->puts.retried + state_->gets.retried};
}

}  // namespace memfabric::transport
