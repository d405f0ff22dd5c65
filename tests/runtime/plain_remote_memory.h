// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "transport/fabric/atomics.h"
#include "transport/remote_memory.h"

namespace memfabric::test {

/// Processes that reach each other's exposed memory, all within this one.
class PlainNetwork {
 public:
    uint64_t expose(std::span<std::byte> memory) {
        const std::lock_guard lock(mutex_);
        exposed_[++last_key_] = memory;
        return last_key_;
    }
    void revoke(uint64_t key) {
        const std::lock_guard lock(mutex_);
        exposed_.erase(key);
    }
    Status move(const transport::FabricPiece& piece, bool put) {
        const std::lock_guard lock(mutex_);
        const auto found = exposed_.find(piece.region.key);
        if (found == exposed_.end()) {
            return failure(Code::kPeerLost, "key {} is not exposed", piece.region.key);
        }
        if (piece.offset > found->second.size() || piece.size > found->second.size() - piece.offset) {
            return failure(Code::kInvalidParam, "offset {} + {} bytes is outside", piece.offset, piece.size);
        }
        std::byte* remote = found->second.data() + piece.offset;
        std::memcpy(put ? remote : piece.local, put ? piece.local : remote, piece.size);
        return {};
    }
    Result<uint64_t> atomic(const transport::RemoteAtomic& atomic) {
        const std::lock_guard lock(mutex_);
        const auto found = exposed_.find(atomic.region.key);
        if (found == exposed_.end()) {
            return failure(Code::kPeerLost, "key {} is not exposed", atomic.region.key);
        }
        MF_RETURN_IF_ERROR(transport::check_atomic(atomic, "peer"));
        return transport::apply_atomic_at(found->second.data() + atomic.offset, atomic.size, atomic.kind,
                                          atomic.operand, atomic.comparand);
    }
    void serve(const std::string& address, uint32_t service, transport::RemoteMemory::Service handler) {
        const std::lock_guard lock(mutex_);
        services_[{address, service}] = std::move(handler);
    }
    Result<std::string> request(const std::string& address, uint32_t service, std::string_view payload) {
        const std::lock_guard lock(mutex_);
        const auto found = services_.find({address, service});
        if (found == services_.end() || !found->second) {
            return failure(Code::kNotSupported, "service {} of {} is not served", service, address);
        }
        return found->second(payload);
    }

 private:
    std::mutex mutex_;
    uint64_t last_key_ = 0;                             // guarded by mutex_
    std::map<uint64_t, std::span<std::byte>> exposed_;  // by key; guarded by mutex_
    std::map<std::pair<std::string, uint32_t>, transport::RemoteMemory::Service>
        services_;  // by address and number; guarded by mutex_
};

class PlainPeer final : public transport::RemotePeer {
 public:
    explicit PlainPeer(std::string address) : address_(std::move(address)) {}
    const std::string& address() const { return address_; }
    void abandon(const Status& reason) override {
        const std::lock_guard lock(mutex_);
        abandoned_ = reason;
        changed_.notify_all();
    }
    /// False after 30 s.
    bool wait_abandoned() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return !abandoned_.is_ok(); });
    }
    Status abandoned() const {
        const std::lock_guard lock(mutex_);
        return abandoned_;
    }

 private:
    const std::string address_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Status abandoned_;  // guarded by mutex_
};

/// One process of the network.
class PlainRemoteMemory final : public transport::RemoteMemory {
 public:
    PlainRemoteMemory(std::shared_ptr<PlainNetwork> network, std::string address)
        : network_(std::move(network)), address_(std::move(address)) {}

    std::string own_address() const override { return address_; }

    Result<std::unique_ptr<transport::ExposedMemory>> expose(std::span<std::byte> memory) override {
        return std::unique_ptr<transport::ExposedMemory>(std::make_unique<Exposed>(
            network_, transport::RemoteRegion{network_->expose(memory), 0, memory.size()}));
    }

    Result<std::shared_ptr<transport::RemotePeer>> connect(std::string_view address,
                                                           const std::string& name) override {
        if (address == "unreachable") {
            return failure(Code::kNotSupported, "{} speaks another provider", name);
        }
        return std::shared_ptr<transport::RemotePeer>(std::make_shared<PlainPeer>(std::string(address)));
    }

    Status put(transport::RemotePeer& peer, std::span<const transport::FabricPiece> pieces,
               Deadline deadline) override {
        return move(peer, pieces, deadline, true);
    }
    Status get(transport::RemotePeer& peer, std::span<const transport::FabricPiece> pieces,
               Deadline deadline) override {
        return move(peer, pieces, deadline, false);
    }

    Result<std::unique_ptr<transport::RemoteTransfer>> begin(transport::RemotePeer& peer,
                                                             transport::FabricFlow flow,
                                                             std::span<const transport::FabricPiece> pieces,
                                                             Deadline deadline) override {
        return std::unique_ptr<transport::RemoteTransfer>(
            std::make_unique<Ended>(move(peer, pieces, deadline, flow == transport::FabricFlow::kPut)));
    }
    Result<std::unique_ptr<transport::RemoteTransfer>> post(transport::RemotePeer& peer,
                                                            const transport::FabricPiece& piece,
                                                            Deadline deadline) override {
        return begin(peer, transport::FabricFlow::kPut, {&piece, 1}, deadline);
    }
    bool pins_pages() const override { return false; }
    transport::FabricCounters counters() const override {
        return {.put_bytes = bytes_put, .get_bytes = bytes_got};
    }
    void on_activity(std::function<void()> /*listener*/) override {}
    void poll() override {}
    Result<uint64_t> atomic(transport::RemotePeer& peer, const transport::RemoteAtomic& atomic,
                            Deadline /*deadline*/) override {
        MF_RETURN_IF_ERROR(static_cast<PlainPeer&>(peer).abandoned());
        return network_->atomic(atomic);
    }
    Status ping(transport::RemotePeer& peer, Deadline /*deadline*/) override {
        return static_cast<PlainPeer&>(peer).abandoned();
    }
    void serve(uint32_t service, Service handler) override {
        network_->serve(address_, service, std::move(handler));
    }
    Result<std::string> request(transport::RemotePeer& peer, uint32_t service, std::string_view payload,
                                Deadline /*deadline*/) override {
        auto& target = static_cast<PlainPeer&>(peer);
        MF_RETURN_IF_ERROR(target.abandoned());
        return network_->request(target.address(), service, payload);
    }

    std::atomic<uint64_t> bytes_put{0};
    std::atomic<uint64_t> bytes_got{0};
    std::atomic<uint64_t> largest_batch{0};
    /// Called before each batch.
    std::function<void(bool put)> before = [](bool) {};

 private:
    class Exposed final : public transport::ExposedMemory {
     public:
        Exposed(std::shared_ptr<PlainNetwork> network, transport::RemoteRegion region)
            : network_(std::move(network)), region_(region) {}
        ~Exposed() override { network_->revoke(region_.key); }
        Exposed(const Exposed&) = delete;
        Exposed& operator=(const Exposed&) = delete;
        const transport::RemoteRegion& region() const override { return region_; }

     private:
        std::shared_ptr<PlainNetwork> network_;
        transport::RemoteRegion region_;
    };

    /// A transfer that was over when it began.
    class Ended final : public transport::RemoteTransfer {
     public:
        explicit Ended(Status outcome) : outcome_(std::move(outcome)) {}
        bool is_done() override { return true; }
        Status wait(Deadline /*deadline*/) override { return outcome_; }

     private:
        const Status outcome_;
    };

    Status move(transport::RemotePeer& peer, std::span<const transport::FabricPiece> pieces,
                Deadline deadline, bool put) {
        before(put);
        MF_RETURN_IF_ERROR(static_cast<PlainPeer&>(peer).abandoned());
        for (uint64_t seen = largest_batch; seen < pieces.size();) {
            largest_batch.compare_exchange_weak(seen, pieces.size());
        }
        for (const transport::FabricPiece& piece : pieces) {
            if (deadline.expired()) {
                return failure(Code::kTimeout, "the deadline passed");
            }
            MF_RETURN_IF_ERROR(network_->move(piece, put));
            (put ? bytes_put : bytes_got) += piece.size;
        }
        return {};
    }

    std::shared_ptr<PlainNetwork> network_;
    std::string address_;
};

}  // namespace memfabric::test
