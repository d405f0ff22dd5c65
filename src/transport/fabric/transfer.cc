// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/transfer.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <utility>

#include "base/attempt.h"
#include "transport/fabric/fabric_endpoint.h"
#include "transport/fabric/fabric_lane.h"

namespace memfabric::transport {
namespace {

// Who hears nothing for so long looks whether the peer is there: where nothing is under way, because a new
// connection is there within 20 ms, and where something is.
constexpr std::chrono::milliseconds kLookWhereNothingGoes{30};
constexpr std::chrono::milliseconds kLookWhereSlow{500};
// A get of which nothing comes for so long: the owner is asked about it, then again at intervals.
constexpr std::chrono::milliseconds kAskWhereSilent{50};
constexpr std::chrono::milliseconds kAskAgain{1000};
// No connection takes so long to be made where the peer answers; the next ones may have longer, up to a
// minute.
constexpr std::chrono::milliseconds kAskWhereNothingGoes{2000};
constexpr int kMostDoublings = 6;
// A new connection is there within 20 ms.
constexpr std::chrono::milliseconds kStuckAfter{100};
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

Transfer::Transfer(FabricPeer& peer, FabricFlow flow, std::span<const FabricPiece> pieces, Cut cut,
                   Deadline deadline, FlowCounts& counts, Word word)
    : peer_(peer),
      flow_(flow),
      pieces_(pieces),
      cut_(cut),
      deadline_(deadline),
      counts_(counts),
      word_(word) {
    for (const FabricPiece& piece : pieces) {
        bytes_ += piece.size;
    }
    if (bytes_ == 0) {
        next_ = pieces_.size();
        end_if_over();
    }
}

Transfer::~Transfer() {
    // Who has told the end may still be about to let go of the lock.
    lock_.lock();
    lock_.unlock();
    for (FabricEndpoint* endpoint : attached_to_) {
        endpoint->detach(*this);
    }
}

Status Transfer::outcome() const {
    const std::lock_guard lock(lock_);
    return outcome_;
}

bool Transfer::wants_more() const {
    const std::lock_guard lock(lock_);
    return has_more();
}

bool Transfer::take(FabricOperation& operation) {
    const std::lock_guard lock(lock_);
    if (!has_more()) {
        return false;
    }
    if (!returned_.empty()) {
        const FabricOperation& again = returned_.back();
        std::copy_n(again.pieces.begin(), again.count, operation.pieces.begin());
        operation.count = again.count;
        operation.size = again.size;
        operation.failures = again.failures;
        returned_.pop_back();
    } else if (!fill(operation)) {
        return false;
    }
    ++in_flight_;
    return true;
}

/// A piece is cut only where it is too long for an operation of its own, so that short ones are never torn.
bool Transfer::fill(FabricOperation& operation) {
    operation.count = 0;
    operation.size = 0;
    operation.failures = 0;
    while (next_ < pieces_.size() && operation.count < cut_.most_pieces) {
        const FabricPiece& piece = pieces_[next_];
        const size_t rest = piece.size - offset_;
        const size_t room = cut_.most_bytes - operation.size;
        if (rest > room && operation.count > 0) {
            break;
        }
        const size_t size = std::min(rest, room);
        if (size > 0) {
            operation.pieces[operation.count++] = {piece.local + offset_, piece.region,
                                                   piece.offset + offset_, size};
        }
        operation.size += size;
        offset_ += size;
        if (offset_ == piece.size) {
            offset_ = 0;
            ++next_;
        }
    }
    while (next_ < pieces_.size() && pieces_[next_].size == 0) {
        ++next_;
    }
    return operation.count > 0;
}

Transfer::After Transfer::give_back(const FabricOperation& operation, FabricEndpoint& endpoint) {
    const std::lock_guard lock(lock_);
    if (!did_with_memory([&] { returned_.push_back(operation); })) {
        stop_without_memory();
    }
    --in_flight_;
    return end_if_over() || !note_attached_locked(endpoint) ? After::kEnded : After::kGoesOn;
}

Transfer::After Transfer::finish(const FabricOperation& operation, int error) {
    FabricLane* waiter = nullptr;
    {
        const std::lock_guard lock(lock_);
        --in_flight_;
        if (error == 0) {
            arrived_ += operation.size;
        } else {
            doubt(operation, error);
        }
        if (!end_if_over()) {
            heard_ = error == 0 ? Clock::now() : heard_;
            return After::kGoesOn;
        }
        waiter = waiter_;
    }
    if (waiter != nullptr) {
        waiter->wake(this);  // it compares the pointer, no more
    }
    return After::kEnded;
}

/// Whose fault a broken connection was is not known: the target is asked before anything is tried again.
void Transfer::doubt(const FabricOperation& operation, int error) {
    if (!did_with_memory([&] { doubtful_.push_back(operation); })) {
        stop_without_memory();
        return;
    }
    doubtful_.back().error = error;
    doubtful_.back().failures += is_of_connection(error) ? 0 : 1;
    has_doubts_.store(true, std::memory_order_relaxed);
    ++counts_.retried;
}

/// Under the lock, as whoever sees the end may destroy this as soon as the lock is free.
bool Transfer::end_if_over() {
    if (in_flight_ > 0 || (!stopped_ && (has_more() || !doubtful_.empty()))) {
        return false;
    }
    if (!stopped_) {
        ++counts_.calls;
        counts_.bytes += bytes_;
    }
    // Whoever keeps what has ended does not go on asking about it.
    question_.reset();
    doubt_of_silence_.reset();
    ended_.store(true);  // before the waiter is looked for: whoever became it since then sees the end
    return true;
}

void Transfer::ask_about_failures() {
    std::vector<FabricPiece> pieces;
    for (const FabricOperation& operation : doubtful_) {
        pieces.insert(pieces.end(), operation.pieces.begin(),
                      operation.pieces.begin() + static_cast<ptrdiff_t>(operation.count));
    }
    asked_ = doubtful_.size();
    question_ = peer_.contact().ask_about(flow_, pieces);
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
    const auto end = doubtful_.begin() + static_cast<ptrdiff_t>(asked_);
    for (auto operation = doubtful_.begin(); operation != end; ++operation) {
        if (operation->failures >= kMostFailures) {
            return failure(errno_code(operation->error), "{} {}: libfabric failed {} times: {}", verb(),
                           peer_.name(), kMostFailures, fi_strerror(operation->error));
        }
    }
    returned_.insert(returned_.end(), doubtful_.begin(), end);
    doubtful_.erase(doubtful_.begin(), end);
    has_doubts_.store(!doubtful_.empty(), std::memory_order_relaxed);
    return {};
}

Status Transfer::look_around() {
    const bool nothing_goes = question_ != nullptr || in_flight_ == 0;
    if (signs_ == nullptr) {
        if (Clock::now() - heard_ < (nothing_goes ? kLookWhereNothingGoes : kLookWhereSlow)) {
            return {};
        }
        signs_ = peer_.contact().signs(peer_.name());
    }
    MF_RETURN_IF_ERROR(signs_->look(heard_));
    peer_.note_silent(signs_);
    return {};
}

/// The provider `tcp` leaves a get without an answer for ever where its owner has freed the memory; `shm` and
/// `efa` leave anything so whose key the owner does not know. And either side of `rxm`, where memory is short
/// while it connects, may leave the connection as it is, and say "again" from then on.
bool Transfer::is_silent(Clock::time_point now) const {
    const bool nothing_goes = in_flight_ == 0 && has_more() && question_ == nullptr;
    return (in_flight_ > 0 && now >= heard_ + kAskWhereSilent) ||
           (nothing_goes && now >= heard_ + kAskWhereNothingGoes);
}

/// What is under way ends with the piece that comes next; all of it is asked about, but for the longest of
/// batches.
Status Transfer::ask_where_silent() {
    const Clock::time_point now = Clock::now();
    if (!is_silent(now)) {
        doubt_of_silence_.reset();
        return {};
    }
    if (doubt_of_silence_ == nullptr) {
        if (now >= ask_from_) {
            const size_t end = std::min(next_ + 1, pieces_.size());
            const size_t count = std::min(end, RefusalQuestion::kMostPieces);
            doubt_of_silence_ = peer_.contact().ask_about(flow_, pieces_.subspan(end - count, count));
            ask_from_ = now + kAskAgain * (1 << std::min(wishes_, kMostDoublings));
        }
        return {};
    }
    const std::optional<Status> verdict = doubt_of_silence_->verdict();
    if (!verdict) {
        return {};
    }
    doubt_of_silence_.reset();
    has_wish_ = in_flight_ == 0;
    doubts_connections_ = in_flight_ > 0 && now >= heard_ + kAskAgain;
    return verdict->is_ok() ? Status()
                            : failure(verdict->code(), "{} {}: {}", verb(), peer_.name(), verdict->message());
}

bool Transfer::take_need_for_lane() {
    const std::lock_guard lock(lock_);
    return std::exchange(needs_lane_, false);
}

int Transfer::take_wish_for_connections() {
    const std::lock_guard lock(lock_);
    return std::exchange(has_wish_, false) ? ++wishes_ : 0;
}

bool Transfer::take_doubt_of_connections() {
    const std::lock_guard lock(lock_);
    return std::exchange(doubts_connections_, false);
}

Status Transfer::judge() {
    const std::lock_guard lock(lock_);
    if (ended_ || stopped_) {
        return {};
    }
    MF_RETURN_IF_ERROR(peer_.problem());
    needs_lane_ = needs_lane_ || !doubtful_.empty();  // now: some may have failed since anybody looked
    if (question_ == nullptr && !doubtful_.empty()) {
        ask_about_failures();
    }
    if (question_ != nullptr) {
        MF_RETURN_IF_ERROR(hear_answer());
    }
    MF_RETURN_IF_ERROR(ask_where_silent());
    if (Status gone = look_around(); !gone.is_ok()) {
        return failure(gone.code(), "{} {}", verb(), gone.message());
    }
    if (deadline_.expired()) {
        const std::string doubts = signs_ ? signs_->doubts(heard_) : "";
        return failure(Code::kTimeout,
                       "{} {}: the deadline passed when {} of {} bytes had arrived; {}{}the connection to it "
                       "was broken off, so that nothing touches the local memory any more",
                       verb(), peer_.name(), arrived_, bytes_, doubts.empty() ? "" : "it ",
                       doubts.empty() ? "" : doubts + "; ");
    }
    return {};
}

void Transfer::stop(Status reason) {
    const std::lock_guard lock(lock_);
    if (!stopped_ && !ended_) {
        stopped_ = true;
        outcome_ = std::move(reason);
        end_if_over();
    }
}

bool Transfer::is_stuck() const {
    const std::lock_guard lock(lock_);
    return in_flight_ == 0 && has_more() && !ended_ && Clock::now() - heard_ > kStuckAfter;
}

uint64_t Transfer::take_silent_lanes() {
    const uint64_t rails = peer_.silent_rails();
    uint64_t lanes = 0;
    for (size_t i = 0; i < peer_.ways().size(); ++i) {
        const FabricPeer::Way& way = peer_.way(i);
        const bool is_silent = !way.address.empty() && (rails >> way.rail & 1) != 0;
        lanes |= is_silent && !peer_.uses(i) ? uint64_t{1} << i : 0;
    }
    const std::lock_guard lock(lock_);
    return lanes & ~std::exchange(left_lanes_, lanes);
}

bool Transfer::note_attached(FabricEndpoint& endpoint) {
    const std::lock_guard lock(lock_);
    return note_attached_locked(endpoint);
}

bool Transfer::note_attached_locked(FabricEndpoint& endpoint) {
    const bool done = did_with_memory([&] {
        if (std::ranges::find(attached_to_, &endpoint) == attached_to_.end()) {
            attached_to_.push_back(&endpoint);
        }
    });
    if (!done) {
        stop_without_memory();
        end_if_over();
    }
    return done;
}

/// An operation that cannot even be remembered is not done again; so the transfer fails, and says why.
void Transfer::stop_without_memory() {
    if (!stopped_ && !ended_) {
        stopped_ = true;
        outcome_ = failure(Code::kMallocFailed, "{} {}: out of memory", verb(), peer_.name());
    }
}

}  // namespace memfabric::transport
