// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/transfer.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <vector>

namespace memfabric::transport {
namespace {

using Clock = Deadline::Clock;
using State = FabricOperation::State;

constexpr std::chrono::microseconds kSpin{20};
// A lost wake-up of the progress thread costs no more than this.
constexpr std::chrono::milliseconds kLongestSleep{10};
// A connection that the target closed is there again within 20 ms, if the target is.
constexpr std::chrono::milliseconds kReconnectWithin{1000};
constexpr int kMostFailures = 4;

class Transfer {
 public:
    Transfer(FabricEndpoint& endpoint, const TransferPeer& peer, FabricFlow flow)
        : endpoint_(endpoint), peer_(peer), flow_(flow) {}

    void cut(std::span<const FabricPiece> pieces, size_t most_pieces) {
        for (size_t i = 0; i < pieces.size(); i += most_pieces) {
            operations_.push_back({.pieces = pieces.subspan(i, std::min(most_pieces, pieces.size() - i))});
        }
    }

    Status run(Deadline deadline) {
        const Status status = drive(deadline);
        if (!status.is_ok()) {
            endpoint_.abandon(peer_.address, operations_);
        }
        return status;
    }

    uint64_t retried() const { return retried_; }

 private:
    Status drive(Deadline deadline) {
        const Clock::time_point spin_until = Clock::now() + kSpin;
        for (;;) {
            const size_t done = post_all();
            if (done == operations_.size()) {
                return {};
            }
            MF_RETURN_IF_ERROR(judge_failures());
            if (*peer_.abandoned) {
                return failure(Code::kPeerLost, "{} {}: the process is lost", verb(), peer_.name);
            }
            if (deadline.expired()) {
                return failure(Code::kTimeout,
                               "{} {}: the deadline passed with {} of {} operations done; the connection to "
                               "it was broken off, so that nothing touches the local memory any more",
                               verb(), peer_.name, done, operations_.size());
            }
            if (Clock::now() < spin_until) {
                endpoint_.progress();
            } else {
                endpoint_.wait_for_completions(std::min(deadline.remaining(), longest_sleep()));
            }
        }
    }

    /// Returns how many are done. Stops at the first that the engine does not take now.
    size_t post_all() {
        size_t done = 0;
        engine_is_full_ = false;
        for (FabricOperation& operation : operations_) {
            if (operation.state == State::kFailed) {
                note_failure(operation);
            }
            if (operation.state == State::kWaiting && !engine_is_full_ &&
                operation.failures < kMostFailures) {
                engine_is_full_ = !endpoint_.post(flow_, peer_.handle, operation);
                broken_ = broken_ && engine_is_full_;
            }
            done += operation.state == State::kDone ? 1 : 0;
        }
        return done;
    }

    /// Whose fault the broken connection was is not known: all that were under way are tried again.
    void note_failure(FabricOperation& operation) {
        operation.state = State::kWaiting;
        ++operation.failures;
        ++retried_;
        last_error_ = operation.error;
        if (!broken_) {
            broken_ = true;
            broken_since_ = Clock::now();
        }
    }

    Status judge_failures() const {
        const bool refused = std::ranges::any_of(operations_, [](const FabricOperation& operation) {
            return operation.failures >= kMostFailures && operation.state == State::kWaiting;
        });
        if (refused) {
            return failure(
                Code::kRefused,
                "{} {}: the connection broke {} times under an operation ({}): most likely the key is "
                "refused (revoked, or of another life of that process)",
                verb(), peer_.name, kMostFailures, fi_strerror(last_error_));
        }
        if (broken_ && Clock::now() - broken_since_ > kReconnectWithin) {
            return failure(Code::kPeerLost, "{} {}: the connection broke ({}) and was not back within {} ms",
                           verb(), peer_.name, fi_strerror(last_error_), kReconnectWithin.count());
        }
        return {};
    }

    std::chrono::milliseconds longest_sleep() const {
        return engine_is_full_ ? std::chrono::milliseconds(1) : kLongestSleep;
    }
    const char* verb() const { return flow_ == FabricFlow::kPut ? "put to" : "get from"; }

    FabricEndpoint& endpoint_;
    const TransferPeer& peer_;
    FabricFlow flow_;
    std::vector<FabricOperation> operations_;
    bool engine_is_full_ = false;
    int last_error_ = 0;
    uint64_t retried_ = 0;
    bool broken_ = false;  // and nothing was taken by the engine since
    Clock::time_point broken_since_;
};

}  // namespace

Status run_transfer(FabricEndpoint& endpoint, const TransferPeer& peer, FabricFlow flow,
                    std::span<const FabricPiece> pieces, size_t most_pieces, Deadline deadline,
                    uint64_t& retried) {
    Transfer transfer(endpoint, peer, flow);
    transfer.cut(pieces, most_pieces);
    Status status = transfer.run(deadline);
    retried = transfer.retried();
    return status;
}

}  // namespace memfabric::transport
