// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "transport/fabric/engine_endpoint.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/message_format.h"
#include "transport/fabric/rail.h"

namespace memfabric::transport {

class MessageEndpoint;

/// Who is told what arrived. Called without the endpoint's lock, on the thread that made progress.
class MessageSink {
 public:
    virtual ~MessageSink() = default;
    /// `at`: answers go back over it.
    virtual void received(std::string_view message, MessageEndpoint& at) = 0;
    /// A message that was sent did perhaps not arrive: its connection broke.
    virtual void returned(std::string_view message) = 0;
};

/// An endpoint of its own for messages, so that none waits behind bulk data and a broken data connection
/// loses none. Every message is copied: callers' memory is never in the engine's hands.
class MessageEndpoint {
 public:
    /// The rail outlives it.
    static Result<std::unique_ptr<MessageEndpoint>> open(FabricRail& rail);

    const std::string& address() const { return address_; }
    int wait_descriptor() const { return queue_.wait_descriptor; }
    /// Whether the descriptor tells of all that comes from now on.
    bool may_sleep() const;

    Result<fi_addr_t> insert(std::string_view peer_address);

    /// False: "again" (not connected yet, or too many under way to this peer or at all).
    bool send(fi_addr_t to, const Message& message);

    /// Reads completions and lets the engine work. True where there was anything.
    bool progress(MessageSink& sink);

 private:
    static constexpr size_t kReceives = 16;
    static constexpr size_t kSends = 64;
    // One peer that stands still cannot hold all of them.
    static constexpr size_t kSendsToOnePeer = 8;
    static constexpr size_t kAtOnce = 16;

    struct Buffer {
        std::byte* bytes = nullptr;
        size_t size = 0;  // of the message in it
        fi_addr_t to = FI_ADDR_UNSPEC;
        // The engine reports some failures several times, the last ones after the buffer is used anew.
        uint64_t generation = 0;
        bool busy = false;  // in the engine's hands
    };
    struct Event {
        Buffer* buffer = nullptr;
        bool is_receive = false;
        bool failed = false;
    };

    MessageEndpoint(const FabricRail& rail, fid_domain& domain)
        : fabric_(*rail.fabric), domain_(domain), info_(*rail.info) {}
    Status make_buffers();
    size_t read_events(std::array<Event, kAtOnce>& events);
    Event take(void* context, bool failed, size_t size);
    void* context_of(const Buffer& buffer) const;
    void give_back(std::span<const Event> events);
    void post_receives();
    void* descriptor() const { return registration_ ? fi_mr_desc(registration_.get()) : nullptr; }

    fid_fabric& fabric_;
    fid_domain& domain_;
    fi_info& info_;
    std::mutex lock_;  // guards all that follows
    std::unique_ptr<std::byte[]> memory_;
    FidPtr<fid_mr> registration_;  // of memory_, where the provider wants local memory registered
    CompletionQueue queue_;
    FidPtr<fid_av> addresses_;
    FidPtr<fid_ep> endpoint_;
    std::string address_;
    std::array<Buffer, kReceives + kSends> buffers_;
};

}  // namespace memfabric::transport
