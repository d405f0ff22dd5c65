// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric_memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <utility>

#include "base/room.h"
#include "observe/timed.h"
#include "runtime/nic_choice.h"
#include "transport/fabric/fabric_transport.h"

namespace memfabric {
namespace {

using observe::Operation;
using transport::FabricPiece;
using transport::FabricTransport;

constexpr std::array kFabricOperations = {Operation::kFabricPut, Operation::kFabricGet,
                                          Operation::kFabricAtomic, Operation::kFabricRequest};

// What libfabric takes, with something to spare: some 70 descriptors and 135 MiB with one interface over TCP.
// Where it runs short it may say that there is no such provider, or anything else, or end the process.
constexpr size_t kFiles = 32;
constexpr size_t kFilesOfNic = 64;
constexpr size_t kAddressSpace = size_t{160} << 20;

Status check_room_for(size_t nics) {
    return check_room(kFiles + nics * kFilesOfNic, kAddressSpace).with_context("starting the fabric");
}

class FabricMemoryPeer final : public transport::RemotePeer {
 public:
    FabricMemoryPeer(std::shared_ptr<FabricTransport> transport, std::shared_ptr<transport::FabricPeer> peer)
        : transport_(std::move(transport)), peer_(std::move(peer)) {
        for (size_t i = 0; i < kFabricOperations.size(); ++i) {
            cells_.at(i) = observe::cell_of(kFabricOperations.at(i), observe::Path::kFabric, peer_->name());
        }
    }

    void abandon(const Status& reason) override { peer_->abandon(reason); }
    const std::shared_ptr<transport::FabricPeer>& peer() const { return peer_; }
    observe::Counted counted(observe::Operation operation) const {
        const auto* const found = std::ranges::find(kFabricOperations, operation);
        return {operation, observe::Path::kFabric,
                cells_.at(static_cast<size_t>(found - kFabricOperations.begin()))};
    }

 private:
    const std::shared_ptr<FabricTransport> transport_;  // outlives the peer
    const std::shared_ptr<transport::FabricPeer> peer_;
    std::array<uint32_t, kFabricOperations.size()> cells_{};
};

/// The flow's operation with that peer from here on.
observe::Timed timed(transport::RemotePeer& peer, transport::FabricFlow flow,
                     std::span<const FabricPiece> pieces) {
    const uint64_t bytes =
        std::accumulate(pieces.begin(), pieces.end(), uint64_t{0},
                        [](uint64_t sum, const FabricPiece& piece) { return sum + piece.size; });
    const bool is_put = flow == transport::FabricFlow::kPut;
    return {
        static_cast<FabricMemoryPeer&>(peer).counted(is_put ? Operation::kFabricPut : Operation::kFabricGet),
        bytes};
}

/// Of an operation with the peer that was slow.
auto about(transport::RemotePeer& peer, size_t pieces) {
    return [&peer, pieces] {
        return fmt::format("{} {}, {}", pieces, pieces == 1 ? "piece" : "pieces",
                           static_cast<FabricMemoryPeer&>(peer).peer()->name());
    };
}

/// Keeps its transport.
class FabricMemoryTransfer final : public transport::RemoteTransfer {
 public:
    FabricMemoryTransfer(std::shared_ptr<FabricTransport> transport,
                         std::unique_ptr<transport::RemoteTransfer> begun, const observe::Timed& timed,
                         bool is_counted = false)
        : transport_(std::move(transport)),
          begun_(std::move(begun)),
          timed_(timed),
          is_counted_(is_counted) {}
    bool is_done() override { return begun_->is_done(); }
    Status wait(Deadline deadline) override {
        Status status = begun_->wait(deadline);
        if (status.is_ok() && !is_counted_.exchange(true)) {
            timed_.done([] { return "it went on without its caller, until that waited for it"; });
        }
        return status;
    }
    void settle() override { begun_->settle(); }

 private:
    const std::shared_ptr<FabricTransport> transport_;
    const std::unique_ptr<transport::RemoteTransfer> begun_;
    const observe::Timed timed_;
    std::atomic<bool> is_counted_;  // several threads may wait for it, each in its own shmem_quiet()
};

class FabricExposed final : public transport::ExposedMemory {
 public:
    FabricExposed(std::shared_ptr<FabricTransport> transport, transport::ExposedRegion region)
        : transport_(std::move(transport)), region_(std::move(region)) {}
    const transport::RemoteRegion& region() const override { return region_.region(); }
    void retire() override { region_.retire(); }

 private:
    std::shared_ptr<FabricTransport> transport_;  // outlives the region
    transport::ExposedRegion region_;
};

class FabricMemory final : public transport::RemoteMemory {
 public:
    explicit FabricMemory(std::shared_ptr<FabricTransport> transport) : transport_(std::move(transport)) {}

    std::string own_address() const override { return transport_->address().encode(); }

    Result<std::unique_ptr<transport::ExposedMemory>> expose(std::span<std::byte> memory) override {
        MF_ASSIGN_OR_RETURN(transport::ExposedRegion region, transport_->expose(memory));
        return std::unique_ptr<transport::ExposedMemory>(
            std::make_unique<FabricExposed>(transport_, std::move(region)));
    }

    Result<std::shared_ptr<transport::RemotePeer>> connect(std::string_view address,
                                                           const std::string& name) override {
        MF_ASSIGN_OR_RETURN(const transport::FabricAddress decoded,
                            transport::FabricAddress::decode(address));
        MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::FabricPeer> peer, transport_->connect(decoded, name));
        return std::shared_ptr<transport::RemotePeer>(
            std::make_shared<FabricMemoryPeer>(transport_, std::move(peer)));
    }

    Status put(transport::RemotePeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) override {
        const observe::Timed timer = timed(peer, transport::FabricFlow::kPut, pieces);
        MF_RETURN_IF_ERROR(transport_->put(*engine_peer(peer), pieces, deadline));
        timer.done(about(peer, pieces.size()));
        return {};
    }
    Status get(transport::RemotePeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) override {
        const observe::Timed timer = timed(peer, transport::FabricFlow::kGet, pieces);
        MF_RETURN_IF_ERROR(transport_->get(*engine_peer(peer), pieces, deadline));
        timer.done(about(peer, pieces.size()));
        return {};
    }
    Result<std::unique_ptr<transport::RemoteTransfer>> begin(transport::RemotePeer& peer,
                                                             transport::FabricFlow flow,
                                                             std::span<const FabricPiece> pieces,
                                                             Deadline deadline) override {
        const observe::Timed timer = timed(peer, flow, pieces);
        MF_ASSIGN_OR_RETURN(std::unique_ptr<transport::RemoteTransfer> begun,
                            transport_->begin(engine_peer(peer), flow, pieces, deadline));
        return std::unique_ptr<transport::RemoteTransfer>(
            std::make_unique<FabricMemoryTransfer>(transport_, std::move(begun), timer));
    }
    Result<std::unique_ptr<transport::RemoteTransfer>> post(transport::RemotePeer& peer,
                                                            const FabricPiece& piece,
                                                            Deadline deadline) override {
        const observe::Timed timer = timed(peer, transport::FabricFlow::kPut, {&piece, 1});
        MF_ASSIGN_OR_RETURN(std::unique_ptr<transport::RemoteTransfer> posted,
                            transport_->post(engine_peer(peer), piece, deadline));
        timer.done(about(peer, 1));  // nobody waits for what follows
        return std::unique_ptr<transport::RemoteTransfer>(
            std::make_unique<FabricMemoryTransfer>(transport_, std::move(posted), timer, true));
    }
    bool pins_pages() const override { return transport_->pins_pages(); }
    transport::FabricCounters counters() const override { return transport_->counters(); }
    void on_activity(std::function<void()> listener) override {
        transport_->on_activity(std::move(listener));
    }
    void poll() override { transport_->poll(); }
    Result<uint64_t> atomic(transport::RemotePeer& peer, const transport::RemoteAtomic& atomic,
                            Deadline deadline) override {
        const observe::Timed timer(static_cast<FabricMemoryPeer&>(peer).counted(Operation::kFabricAtomic),
                                   atomic.size);
        Result<uint64_t> before = transport_->atomic(*engine_peer(peer), atomic, deadline);
        if (before.is_ok()) {
            timer.done(about(peer, 1));
        }
        return before;
    }
    Status ping(transport::RemotePeer& peer, Deadline deadline) override {
        return transport_->ping(*engine_peer(peer), deadline);
    }
    void serve(uint32_t service, Service handler) override { transport_->serve(service, std::move(handler)); }
    Result<std::string> request(transport::RemotePeer& peer, uint32_t service, std::string_view payload,
                                Deadline deadline) override {
        const observe::Timed timer(static_cast<FabricMemoryPeer&>(peer).counted(Operation::kFabricRequest),
                                   payload.size());
        Result<std::string> answer = transport_->request(*engine_peer(peer), service, payload, deadline);
        if (answer.is_ok()) {
            timer.done(about(peer, 1));
        }
        return answer;
    }

 private:
    static const std::shared_ptr<transport::FabricPeer>& engine_peer(transport::RemotePeer& peer) {
        return static_cast<FabricMemoryPeer&>(peer).peer();
    }

    const std::shared_ptr<FabricTransport> transport_;
};

Result<std::shared_ptr<transport::RemoteMemory>> start_once(
    const Options& options, const std::string& host_id, const std::string& local_address,
    const std::shared_ptr<memory::DeviceMemory>& device) {
    MF_RETURN_IF_ERROR(check_room_for(1));
    Result<std::vector<transport::FabricNic>> chosen = choose_nics(options, local_address);
    if (!chosen.is_ok()) {
        // What has no room says that there is no provider.
        MF_RETURN_IF_ERROR(check_room_for(1));
        return std::move(chosen).status();
    }
    const std::vector<transport::FabricNic> nics = std::move(chosen).value();
    MF_RETURN_IF_ERROR(check_room_for(nics.size()));
    Result<std::unique_ptr<FabricTransport>> transport = FabricTransport::start(
        {.provider = options.text(OptionId::kFabricProvider),
         .nics = nics,
         .host_id = host_id,
         .endpoints = static_cast<size_t>(options.integer(OptionId::kFabricEndpoints)),
         .congestion = options.text(OptionId::kFabricCongestion),
         .peer_timeout = std::chrono::milliseconds(options.integer(OptionId::kFabricPeerTimeout)),
         .patience = {std::chrono::milliseconds(options.integer(OptionId::kSuspectAfter)),
                      std::chrono::milliseconds(options.integer(OptionId::kWaitNotice))},
         .device = device});
    if (!transport.is_ok()) {
        // Somebody else may have taken it meanwhile.
        MF_RETURN_IF_ERROR(check_room_for(nics.size()));
        return transport.status().with_context(
            fmt::format("starting the fabric at {} ({})", nics_text(nics),
                        options.text(OptionId::kFabricAddress).empty()
                            ? "what routes to the store and what is beside it; MF_FABRIC_ADDRESS names others"
                            : "MF_FABRIC_ADDRESS"));
    }
    return std::shared_ptr<transport::RemoteMemory>(
        std::make_shared<FabricMemory>(std::move(transport).value()));
}

}  // namespace

bool wants_fabric(const Options& options, const std::string& local_address) {
    const std::string& wanted = options.text(OptionId::kFabric);
    const bool on_loopback = local_address.starts_with("127.") || local_address == "::1";
    return wanted == "on" || (wanted == "auto" && (!on_loopback || !options.text(OptionId::kHostId).empty()));
}

Result<std::shared_ptr<transport::RemoteMemory>> start_fabric_memory(
    const Options& options, const std::string& host_id, const std::string& local_address,
    const std::shared_ptr<memory::DeviceMemory>& device) {
    auto started = start_once(options, host_id, local_address, device);
    if (started.is_ok() || started.status().code() == Code::kMallocFailed) {
        return started;
    }
    // There may have been a moment of shortage that libfabric did not name. What is so for good is so again.
    return start_once(options, host_id, local_address, device);
}

}  // namespace memfabric
