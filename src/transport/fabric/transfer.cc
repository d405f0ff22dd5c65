// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/transfer.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <utility>

namespace memfabric::transport {
namespace {

using State = FabricOperation::State;

constexpr std::chrono::microseconds kSpin{20};
// A lost wake-up of the progress thread costs no more than this.
constexpr std::chrono::milliseconds kLongestSleep{10};
// The engine never says when it takes operations again.
constexpr std::chrono::milliseconds kSleepWhereFull{1};
// A connection that the target closed is there again within 20 ms, if the target is.
constexpr std::chrono::milliseconds kReconnectWithin{1000};
constexpr int kMostFailures = 4;

}  // namespace

void Transfer::cut(std::span<const FabricPiece> pieces, size_t most_pieces) {
    for (size_t i = 0; i < pieces.size(); i += most_pieces) {
        operations_.push_back({.pieces = pieces.subspan(i, std::min(most_pieces, pieces.size() - i))});
    }
    for (const FabricPiece& piece : pieces) {
        bytes_ += piece.size;
    }
}

bool Transfer::advance() {
    const std::lock_guard lock(lock_);
    if (has_ended_) {
        return true;
    }
    const size_t done = post_all();
    if (done == operations_.size()) {
        end({});
    } else if (Status status = judge(done); !status.is_ok()) {
        end(std::move(status));
    }
    return has_ended_;
}

bool Transfer::drive(Deadline until) {
    const Clock::time_point spin_until = Clock::now() + kSpin;
    while (!advance()) {
        if (until.expired()) {
            return false;
        }
        if (Clock::now() < spin_until) {
            endpoint_.progress();
        } else {
            const auto longest = engine_is_full_ ? kSleepWhereFull : kLongestSleep;
            endpoint_.wait_for_completions(std::min({deadline_.remaining(), until.remaining(), longest}));
        }
    }
    return true;
}

bool Transfer::has_ended() const {
    const std::lock_guard lock(lock_);
    return has_ended_;
}

void Transfer::end(Status outcome) {
    if (!outcome.is_ok()) {
        endpoint_.abandon(peer_.address(), operations_);
    }
    if (outcome.is_ok()) {
        ++counts_.calls;
        counts_.bytes += bytes_;
    }
    outcome_ = std::move(outcome);
    has_ended_ = true;
}

/// Returns how many are done. Stops at the first that the engine does not take now.
size_t Transfer::post_all() {
    size_t done = 0;
    engine_is_full_ = false;
    for (FabricOperation& operation : operations_) {
        if (operation.state == State::kFailed) {
            note_failure(operation);
        }
        if (operation.state == State::kWaiting && !engine_is_full_ && operation.failures < kMostFailures) {
            engine_is_full_ = !endpoint_.post(flow_, peer_.handle(), operation);
            broken_ = broken_ && engine_is_full_;
        }
        done += operation.state == State::kDone ? 1 : 0;
    }
    return done;
}

/// Whose fault the broken connection was is not known: all that were under way are tried again.
void Transfer::note_failure(FabricOperation& operation) {
    operation.state = State::kWaiting;
    ++operation.failures;
    ++counts_.retried;
    last_error_ = operation.error;
    if (!broken_) {
        broken_ = true;
        broken_since_ = Clock::now();
    }
}

Status Transfer::judge(size_t done) const {
    const bool refused = std::ranges::any_of(operations_, [](const FabricOperation& operation) {
        return operation.failures >= kMostFailures && operation.state == State::kWaiting;
    });
    if (refused) {
        return failure(Code::kRefused,
                       "{} {}: the connection broke {} times under an operation ({}): most likely the key is "
                       "refused (revoked, or of another life of that process)",
                       verb(), peer_.name(), kMostFailures, fi_strerror(last_error_));
    }
    if (broken_ && Clock::now() - broken_since_ > kReconnectWithin) {
        return failure(Code::kPeerLost, "{} {}: the connection broke ({}) and was not back within {} ms",
                       verb(), peer_.name(), fi_strerror(last_error_), kReconnectWithin.count());
    }
    MF_RETURN_IF_ERROR(peer_.problem());
    if (deadline_.expired()) {
        return failure(Code::kTimeout,
                       "{} {}: the deadline passed with {} of {} operations done; the connection to it was "
                       "broken off, so that nothing touches the local memory any more",
                       verb(), peer_.name(), done, operations_.size());
    }
    return {};
}

}  // namespace memfabric::transport
