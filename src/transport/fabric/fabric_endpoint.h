// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_rma.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "transport/fabric/congestion_control.h"
#include "transport/fabric/engine_endpoint.h"
#include "transport/fabric/fabric_operation.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/local_memory.h"
#include "transport/fabric/operation_window.h"

namespace memfabric::transport {

class FabricPeer;

/// One endpoint with its address vector and completion queue, and the window of operations outstanding on it.
/// Everything of it is used under its own lock.
class FabricEndpoint {
 public:
    /// `lane` is the number of the endpoint's lane. `register_local`: the provider is to know the local
    /// memory of operations. `congestion` is for connections to it.
    static Result<std::unique_ptr<FabricEndpoint>> open(fid_domain& domain, fi_info& info, size_t lane,
                                                        bool register_local, CongestionControl congestion);

    const std::string& address() const { return address_; }
    /// Whether nothing is there to be dealt with, so that wait_descriptor(), asked for afterwards, tells when
    /// something is.
    bool may_sleep(fid_fabric& fabric);
    /// Another one once the endpoint was opened again.
    int wait_descriptor() const { return wait_descriptor_.load(); }
    /// Of an endpoint that only peers use, so that it is never opened again: whether that tells no more than
    /// that it is time to look, because the provider wakes nobody.
    bool is_polled() const { return queue_.timer != nullptr; }
    /// Of such a one: peers are at work here, who sleeps is to look again soon.
    void note_activity() const { queue_.note_activity(); }
    /// Is called then, to wake who sleeps on the former one. Must not call back.
    void set_on_renewed(std::function<void()> wake);

    /// How many operations the engine took so far.
    uint64_t begun() const { return begun_.load(std::memory_order_relaxed); }
    /// Whether anything is under way here, or waits for room.
    bool is_busy() const { return is_busy_.load(); }
    /// Whether what is under way will take a while.
    bool is_very_busy() const { return is_very_busy_.load(std::memory_order_relaxed); }
    /// Whether the engine said "again" lately. It does not say when it takes operations.
    bool is_full() const { return is_full_.load(std::memory_order_relaxed); }

    /// Each insert() is to be followed by one release() when nobody posts to the address any more.
    Result<fi_addr_t> insert(const std::string& peer_address);
    void release(const std::string& peer_address);

    /// Gives the engine what it takes of the transfer; the rest follows as there is room.
    void start(Transfer& transfer);
    /// Takes of the transfer too as there is room, from the next work() on.
    void share(Transfer& transfer);
    /// Reads completions, lets the engine work, on both directions, and gives it what it takes now.
    void work();
    /// As work(), where nobody else is at it.
    void try_work();
    /// Takes nothing of the transfer any more. What is under way stays so.
    void detach(Transfer& transfer);

    /// Returns when the engine cannot touch the memory of the transfer's operations any more. The transfer is
    /// stopped. The connections to that peer are broken, and where that does not end them, the endpoint is
    /// closed and opened again (everybody's operations on it fail then, and are tried again).
    void break_off(const Transfer& transfer, std::string_view peer_address);
    /// From now on it is closed at once, as where the provider has no sockets.
    void ignore_sockets();

    /// Breaks the connections to that peer, so that others are made, unless something is under way on them.
    /// Where there are none, or `thoroughly`, the endpoint is closed and opened again.
    void renew_connections(const FabricPeer& peer, bool thoroughly);
    /// Has the kernel find out whether the connections to that peer are dead, where something is under way on
    /// them. Now and then, however often it is called.
    void notice_dead_connections(const FabricPeer& peer);

 private:
    static constexpr size_t kMostBytes = 4U << 20;  // of a peer, but for its last operation
    static constexpr size_t kManyBytes = 64U << 10;
    static constexpr size_t kDiscards = 16;
    static constexpr uint64_t kDiscarded = 0xff;  // a context, and no place of the window
    static_assert(kDiscarded >= OperationWindow::kPlaces);

    FabricEndpoint(fid_domain& domain, fi_info& info, size_t lane, CongestionControl congestion)
        : domain_(domain), info_(info), lane_(lane), congestion_(std::move(congestion)) {}
    Status renew_endpoint();
    enum class Posted { kTaken, kNothing, kNoRoom, kAgain };
    Posted post_one(Transfer& transfer);
    int submit(const Transfer& transfer, size_t place);
    void progress();
    void read_completions();
    void post_discards();
    void pump();
    void attach(Transfer& transfer);
    void note_business();
    bool read_error();
    void finish(void* context, int error);
    bool has_operations_of(const Transfer& transfer) const;
    bool has_operations_at(std::string_view peer_address) const;
    int break_connections(std::string_view peer_address) const;
    void* context_of(size_t place) const;
    void reopen();

    fid_domain& domain_;
    fi_info& info_;
    const size_t lane_;
    const CongestionControl congestion_;
    std::string address_;
    std::atomic<int> wait_descriptor_{-1};
    std::atomic<uint64_t> begun_{0};
    std::atomic<bool> is_busy_{false};
    std::atomic<bool> is_very_busy_{false};
    std::atomic<bool> is_full_{false};
    std::mutex lock_;  // guards all below
    std::function<void()> on_renewed_ = [] {};
    CompletionQueue queue_;  // of the endpoint, or of its predecessor where there is none
    FidPtr<fid_av> addresses_;
    FidPtr<fid_ep> endpoint_;
    std::unique_ptr<LocalMemory> local_;  // null where the provider takes any memory
    struct Known {
        fi_addr_t handle = FI_ADDR_UNSPEC;
        size_t users = 0;
    };
    std::map<std::string, Known, std::less<>> known_;  // what the address vector holds
    size_t bytes_under_way_ = 0;
    bool finds_sockets_ = true;
    std::chrono::steady_clock::time_point noticed_{};  // when notice_dead_connections() looked last
    size_t discards_to_post_ = 0;
    // What nobody wants. Longer than any message that `rxm` sends in one piece: one that does not fit breaks
    // the connection, and the receive is lost.
    std::array<std::byte, 16U << 10> discarded_;
    OperationWindow window_;
    std::vector<Transfer*> attached_;  // that have more than there was room for
};

}  // namespace memfabric::transport
