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
// Nobody wakes us when the engine takes operations again, or the peer's answer to a question is there.
constexpr std::chrono::milliseconds kShortSleep{1};
// Who hears nothing for so long looks whether the peer is there: where nothing is under way, because a new
// connection is there within 20 ms, and where something is.
constexpr std::chrono::milliseconds kLookWhereNothingGoes{30};
constexpr std::chrono::milliseconds kLookWhereSlow{500};
// Of failures that are none of the connection.
constexpr int kMostFailures = 4;

/// Everything that operations get to see when their connection ends, whoever's fault it was.
bool is_of_connection(int error) {
    switch (error) {
        case FI_ECANCELED:
        case FI_ENOTCONN:
        case FI_ECONNRESET:
        case FI_ECONNABORTED:
        case FI_ECONNREFUSED:
        case FI_ESHUTDOWN:
        case FI_ETIMEDOUT:
        case FI_EHOSTUNREACH:
        case FI_ENETUNREACH:
        case FI_EHOSTDOWN:
        case FI_EIO:
        case FI_EACCES:
        case EPIPE:
            return true;
        default:
            return false;
    }
}

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
            const auto longest = look_again_soon_ ? kShortSleep : kLongestSleep;
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
    in_flight_ = 0;
    bool engine_is_full = false;
    for (FabricOperation& operation : operations_) {
        if (operation.state == State::kFailed) {
            note_failure(operation);
        }
        if (operation.state == State::kWaiting && !engine_is_full) {
            engine_is_full = !endpoint_.post(flow_, peer_.handle(), operation);
        }
        done += operation.state == State::kDone ? 1 : 0;
        in_flight_ += operation.state == State::kPosted ? 1 : 0;
    }
    look_again_soon_ = engine_is_full;
    if (done != done_) {
        done_ = done;
        heard_ = Clock::now();
    }
    return done;
}

/// Whose fault a broken connection was is not known: the target is asked before anything is tried again.
void Transfer::note_failure(FabricOperation& operation) {
    operation.state = State::kDoubtful;
    has_doubts_ = true;
    operation.failures += is_of_connection(operation.error) ? 0 : 1;
    ++counts_.retried;
}

void Transfer::ask_about_failures() {
    std::vector<FabricPiece> pieces;
    for (const FabricOperation& operation : operations_) {
        if (operation.state == State::kDoubtful) {
            pieces.insert(pieces.end(), operation.pieces.begin(), operation.pieces.end());
        }
    }
    question_ = peer_.contact().ask_about(flow_, pieces);
    has_doubts_ = false;
}

/// Those that nothing speaks against are tried again, without limit: their neighbours broke the connection.
Status Transfer::hear_answer() {
    const std::optional<Status> verdict = question_->verdict();
    if (!verdict) {
        return {};
    }
    question_.reset();
    if (!verdict->is_ok()) {
        return failure(verdict->code(), "{} {}: {}", verb(), peer_.name(), verdict->message());
    }
    for (FabricOperation& operation : operations_) {
        if (operation.state == State::kDoubtful) {
            if (operation.failures >= kMostFailures) {
                return failure(Code::kError, "{} {}: libfabric failed {} times: {}", verb(), peer_.name(),
                               kMostFailures, fi_strerror(operation.error));
            }
            operation.state = State::kWaiting;
        }
    }
    return {};
}

Status Transfer::look_around() {
    const bool nothing_goes = question_ != nullptr || in_flight_ == 0;
    if (watch_ == nullptr) {
        if (Clock::now() - heard_ < (nothing_goes ? kLookWhereNothingGoes : kLookWhereSlow)) {
            return {};
        }
        watch_ = peer_.contact().watch(peer_.name());
    }
    return watch_->look(heard_);
}

Status Transfer::judge(size_t done) {
    MF_RETURN_IF_ERROR(peer_.problem());
    if (question_ == nullptr && has_doubts_) {
        ask_about_failures();
    }
    if (question_ != nullptr) {
        look_again_soon_ = true;
        MF_RETURN_IF_ERROR(hear_answer());
    }
    if (Status gone = look_around(); !gone.is_ok()) {
        return failure(gone.code(), "{} {}", verb(), gone.message());
    }
    if (deadline_.expired()) {
        return failure(Code::kTimeout,
                       "{} {}: the deadline passed with {} of {} operations done; the connection to it was "
                       "broken off, so that nothing touches the local memory any more",
                       verb(), peer_.name(), done, operations_.size());
    }
    return {};
}

}  // namespace memfabric::transport
