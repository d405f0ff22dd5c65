// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/status.h"
#include "memory/device_memory.h"
#include "transport/fabric/fabric_peer.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/messages.h"
#include "transport/fabric/nic.h"
#include "transport/remote_memory.h"
#include "transport/transport.h"

namespace memfabric::transport {

struct FabricState;

struct FabricConfig {
    std::string provider = "auto";  // or a name as fi_getinfo gives it
    std::vector<FabricNic> nics;    // the best first; none: one of the provider's choice
    std::string host_id;
    size_t endpoints = 2;                            // lanes of each, over which long transfers are striped
    std::string congestion = "auto";                 // see CongestionControl::choose()
    std::chrono::milliseconds peer_timeout{10'000};  // a silent host's peers are lost
    PeerPatience patience{};                         // before that, what is said of them
    bool register_local = false;                     // also where the provider does not demand it
    // As providers of RDMA devices do, for tests over one that does not:
    bool draw_keys = false;                          // of exposed memory, whichever are asked for
    bool virtual_addresses = false;                  // of the owner instead of offsets
    bool finds_sockets = true;                       // no: connections are none that could be broken
    std::shared_ptr<memory::DeviceMemory> device{};  // null: all memory is the host's
    std::vector<std::string> preferred{};            // tried in turn, for tests; none: what `provider` means
};

/// Memory that peers reach while this exists. Must not outlive its transport.
class ExposedRegion {
 public:
    ExposedRegion(ExposedRegion&& other) noexcept;
    ExposedRegion& operator=(ExposedRegion&& other) noexcept;
    ~ExposedRegion();
    const RemoteRegion& region() const { return region_; }
    /// As ExposedMemory::retire().
    void retire();

 private:
    friend class FabricTransport;
    struct Registration;
    ExposedRegion(RemoteRegion region, std::unique_ptr<Registration> registration);
    RemoteRegion region_;
    std::unique_ptr<Registration> registration_;
};

/// Memory of processes on other hosts, by libfabric. Thread-safe.
class FabricTransport final : public Transport {
 public:
    /// Opens endpoints and starts the progress thread. kNotSupported, with what libfabric offers, where the
    /// provider or the address does not exist here.
    static Result<std::unique_ptr<FabricTransport>> start(const FabricConfig& config);
    ~FabricTransport() override;
    FabricTransport(const FabricTransport&) = delete;
    FabricTransport& operator=(const FabricTransport&) = delete;

    std::string_view name() const override { return "fabric"; }
    Status viability() const override { return {}; }
    Reach reach(const Peer& peer) const override;

    /// Where peers reach this process.
    const FabricAddress& address() const;
    /// Lets peers that know the key write and read the memory. kNotSupported for a device's.
    Result<ExposedRegion> expose(std::span<std::byte> memory);
    Result<std::shared_ptr<FabricPeer>> connect(const FabricAddress& address, std::string name);

    /// Returned means applied at the target, the whole batch. A call that ends by its deadline (kTimeout)
    /// returns only when nobody touches its buffers any more; how much of it was applied is unknown, and
    /// bytes of it that the peer's kernel holds may still be applied there later. kPeerLost: the
    /// connection broke and did not come back, or the target refused the key again and again.
    Status put(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline);
    Status get(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline);

    /// As RemoteMemory::begin. What it returns must not outlive this.
    Result<std::unique_ptr<RemoteTransfer>> begin(const std::shared_ptr<FabricPeer>& peer, FabricFlow flow,
                                                  std::span<const FabricPiece> pieces, Deadline deadline);
    /// As RemoteMemory::post. What it returns must not outlive this.
    Result<std::unique_ptr<RemoteTransfer>> post(const std::shared_ptr<FabricPeer>& peer,
                                                 const FabricPiece& piece, Deadline deadline);
    /// As RemoteMemory::on_activity.
    void on_activity(std::function<void()> listener);
    /// As RemoteMemory::poll.
    void poll();
    /// See RemoteMemory.
    Result<uint64_t> atomic(FabricPeer& peer, const RemoteAtomic& atomic, Deadline deadline);
    Status ping(FabricPeer& peer, Deadline deadline);
    void serve(uint32_t service, Messenger::Service handler);
    Result<std::string> request(FabricPeer& peer, uint32_t service, std::string_view payload,
                                Deadline deadline);

    /// Of exposed memory: transport/remote_memory.h.
    bool pins_pages() const;
    FabricCounters counters() const;

 private:
    explicit FabricTransport(std::unique_ptr<FabricState> state);
    Result<std::string> ask(FabricPeer& peer, uint32_t service, std::string_view payload, Deadline deadline);
    std::unique_ptr<FabricState> state_;
};

}  // namespace memfabric::transport
