// SPDX-License-Identifier: Apache-2.0
#include "trans/attached_copy.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

namespace memfabric::trans {

using transport::AttachedProcess;
using transport::AttachFault;
using transport::Flow;
using transport::PiecePosition;
using transport::RemotePiece;

namespace {

/// From this size on a copy is shared: handing a part over costs microseconds, copying it hundreds.
constexpr size_t kSharedFrom = size_t{1} << 20;
constexpr size_t kSmallestShare = size_t{256} << 10;
constexpr size_t kLargestShare = size_t{4} << 20;
/// So that all threads end about together.
constexpr size_t kSharesPerThread = 4;

size_t total_size(std::span<const RemotePiece> pieces) {
    size_t total = 0;
    for (const RemotePiece& piece : pieces) {
        total += piece.size;
    }
    return total;
}

/// Where every share of `share` bytes begins.
std::vector<PiecePosition> cut(std::span<const RemotePiece> pieces, size_t share) {
    std::vector<PiecePosition> starts;
    size_t left = 0;  // until the next share begins
    for (size_t piece = 0; piece < pieces.size(); ++piece) {
        size_t offset = 0;
        while (pieces[piece].size - offset > left) {
            offset += left;
            starts.push_back({piece, offset});
            left = share;
        }
        left -= pieces[piece].size - offset;
    }
    return starts;
}

/// The first share, in their order, that failed.
class FirstFault {
 public:
    bool is_set() const { return set_.load(std::memory_order_relaxed); }

    void note(uint32_t share, const AttachFault& fault) {
        const std::lock_guard lock(mutex_);
        if (share < share_) {
            share_ = share;
            fault_ = fault;
            set_.store(true, std::memory_order_relaxed);
        }
    }

    /// Once all have ended.
    const AttachFault& fault() const { return fault_; }

 private:
    std::atomic<bool> set_{false};
    std::mutex mutex_;
    uint32_t share_ = std::numeric_limits<uint32_t>::max();
    AttachFault fault_;
};

AttachFault copy_shared(const AttachedProcess& process, Flow flow, std::span<const RemotePiece> pieces,
                        size_t total, copy::ThreadTeam& team) {
    const size_t threads = team.helpers() + 1;
    const size_t share = std::clamp(total / (threads * kSharesPerThread), kSmallestShare, kLargestShare);
    const std::vector<PiecePosition> starts = cut(pieces, share);
    FirstFault first;
    team.run(static_cast<uint32_t>(starts.size()), [&](uint32_t index) {
        if (first.is_set()) {
            return;
        }
        const size_t count = std::min(share, total - index * share);
        const AttachFault fault = process.copy(flow, pieces, starts[index], count);
        if (fault.error != 0) {
            first.note(index, fault);
        }
    });
    return first.fault();
}

}  // namespace

Status copy_attached(const AttachedProcess& process, Flow flow, std::span<const RemotePiece> pieces,
                     copy::ThreadTeam* team) {
    const size_t total = total_size(pieces);
    const bool is_shared = team != nullptr && team->helpers() > 0 && total >= kSharedFrom;
    const AttachFault fault =
        is_shared ? copy_shared(process, flow, pieces, total, *team) : process.copy(flow, pieces, {}, total);
    return fault.error == 0 ? Status() : process.describe(flow, pieces, fault);
}

}  // namespace memfabric::trans
