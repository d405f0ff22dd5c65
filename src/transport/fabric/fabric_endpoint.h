// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_rma.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/fid.h"

namespace memfabric::transport {

/// One operation of the engine: consecutive pieces, as many as it takes at once.
struct FabricOperation {
    enum class State { kWaiting, kPosted, kDone, kFailed, kDoubtful };

    std::span<const FabricPiece> pieces{};
    State state = State::kWaiting;
    int failures = 0;
    int error = 0;  // of libfabric, positive, where it failed
};

/// One endpoint with its address vector and completion queue. Everything of it is used under its own lock.
class FabricEndpoint {
 public:
    static Result<std::unique_ptr<FabricEndpoint>> open(fid_domain& domain, fi_info& info);

    const std::string& address() const { return address_; }
    fid* wait_object() const { return &queue_->fid; }
    int wait_descriptor() const { return wait_descriptor_; }

    /// How many operations the engine took so far.
    uint64_t begun() const { return begun_; }

    Result<fi_addr_t> insert(std::string_view peer_address);

    /// Hands the operation to the engine. False where the engine says "again" or the window is full.
    bool post(FabricFlow flow, fi_addr_t peer, FabricOperation& operation);

    /// Reads completions and lets the engine work, on both directions.
    void progress();

    /// Sleeps until completions were read by somebody, at most `longest`.
    void wait_for_completions(std::chrono::milliseconds longest);

    /// Returns when the engine cannot touch the operations' memory any more: the connections to that peer are
    /// broken, and where that does not end them, the endpoint is closed and opened again (everybody's
    /// operations on it fail then, and may be tried again).
    void abandon(std::string_view peer_address, std::span<FabricOperation> operations);

 private:
    static constexpr size_t kWindow = 32;  // operations outstanding

    // A context is slot and generation as a number, never a pointer: the engine reports some failures
    // several times, the last ones after their operation is gone.
    struct Slot {
        FabricOperation* operation = nullptr;
        uint64_t generation = 0;
    };

    FabricEndpoint(fid_domain& domain, fi_info& info) : domain_(domain), info_(info) {}
    Status open_queues();
    Status open_endpoint();
    Status read_address();
    int submit(FabricFlow flow, fi_addr_t peer, const FabricOperation& operation, void* context);
    void progress_locked();
    bool read_error();
    void finish(void* context, int error);
    void reopen_locked();

    fid_domain& domain_;
    fi_info& info_;
    std::mutex lock_;
    std::condition_variable completed_;
    FidPtr<fid_cq> queue_;
    FidPtr<fid_av> addresses_;
    FidPtr<fid_ep> endpoint_;
    std::string address_;
    int wait_descriptor_ = -1;
    std::array<Slot, kWindow> slots_;
    std::atomic<uint64_t> begun_{0};
};

}  // namespace memfabric::transport
