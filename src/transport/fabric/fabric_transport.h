// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_types.h"
#include "transport/transport.h"

namespace memfabric::transport {

struct FabricState;

struct FabricConfig {
    std::string provider = "auto";  // or a name as fi_getinfo gives it
    std::string local_address;      // empty: the provider's choice
    std::string host_id;
};

/// One life of one peer process: its addresses in our vectors. Shared and thread-safe; made without traffic.
class FabricPeer {
 public:
    /// For texts: "rank 3 on host x".
    const std::string& name() const { return name_; }
    /// The process is known to be gone: what is under way with it, and what comes, ends with kPeerLost.
    void abandon() { abandoned_ = true; }

 private:
    friend class FabricTransport;
    FabricPeer(std::string name, std::string address, uint64_t handle)
        : name_(std::move(name)), address_(std::move(address)), handle_(handle) {}
    std::string name_;
    std::string address_;  // where the peer listens
    uint64_t handle_;      // in our address vector
    std::atomic<bool> abandoned_{false};
};

/// Memory that peers reach while this exists. Must not outlive its transport.
class ExposedRegion {
 public:
    ExposedRegion(ExposedRegion&& other) noexcept;
    ExposedRegion& operator=(ExposedRegion&& other) noexcept;
    ~ExposedRegion();
    const RemoteRegion& region() const { return region_; }

 private:
    friend class FabricTransport;
    struct Registration;
    ExposedRegion(RemoteRegion region, std::unique_ptr<Registration> registration);
    RemoteRegion region_;
    std::unique_ptr<Registration> registration_;
};

struct FabricCounters {
    uint64_t put_bytes = 0;
    uint64_t put_calls = 0;
    uint64_t get_bytes = 0;
    uint64_t get_calls = 0;
    uint64_t begun_operations = 0;  // handed to the engine, done or not
    uint64_t retried_operations = 0;
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
    /// Lets peers that know the key write and read the memory.
    Result<ExposedRegion> expose(std::span<std::byte> memory);
    Result<std::shared_ptr<FabricPeer>> connect(const FabricAddress& address, std::string name);

    /// Returned means applied at the target, the whole batch. A call that ends by its deadline (kTimeout)
    /// returns only when nobody touches its buffers any more; how much of it was applied is unknown, and
    /// bytes of it that the peer's kernel holds may still be applied there later. kPeerLost: the
    /// connection broke and did not come back, or the target refused the key again and again.
    Status put(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline);
    Status get(FabricPeer& peer, std::span<const FabricPiece> pieces, Deadline deadline);

    FabricCounters counters() const;

 private:
    explicit FabricTransport(std::unique_ptr<FabricState> state);
    std::unique_ptr<FabricState> state_;
};

}  // namespace memfabric::transport
