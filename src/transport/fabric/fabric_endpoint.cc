// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_endpoint.h"

#include <rdma/fi_errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "base/attempt.h"
#include "transport/fabric/address_vector.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {
namespace {

constexpr size_t kCompletionsAtOnce = 16;

}  // namespace

Result<std::unique_ptr<FabricEndpoint>> FabricEndpoint::open(fid_domain& domain, fi_info& info, size_t lane,
                                                             bool register_local,
                                                             CongestionControl congestion) {
    std::unique_ptr<FabricEndpoint> opened(new FabricEndpoint(domain, info, lane, std::move(congestion)));
    MF_ASSIGN_OR_RETURN(opened->addresses_, open_address_vector(domain, ""));
    MF_RETURN_IF_ERROR(opened->renew_endpoint());
    MF_ASSIGN_OR_RETURN(opened->address_, address_of(*opened->endpoint_, ""));
    if (register_local) {
        MF_ASSIGN_OR_RETURN(opened->local_, LocalMemory::open(domain, info, OperationWindow::kPlaces));
    }
    return opened;
}

bool FabricEndpoint::may_sleep(fid_fabric& fabric) {
    const std::scoped_lock guard(lock_);
    if (is_busy_.load()) {
        queue_.note_activity();
    }
    return endpoint_ == nullptr || queue_.may_sleep(fabric);
}

void FabricEndpoint::set_on_renewed(std::function<void()> wake) {
    const std::scoped_lock guard(lock_);
    on_renewed_ = std::move(wake);
}

Result<fi_addr_t> FabricEndpoint::insert(const std::string& peer_address) {
    const std::scoped_lock guard(lock_);
    Known& known = known_[peer_address];
    if (known.users == 0) {
        Result<fi_addr_t> inserted = insert_address(*addresses_, peer_address);
        if (!inserted.is_ok()) {
            known_.erase(peer_address);
            return inserted;
        }
        known.handle = *inserted;
    }
    ++known.users;
    return known.handle;
}

void FabricEndpoint::release(const std::string& peer_address) {
    const std::scoped_lock guard(lock_);
    const auto found = known_.find(peer_address);
    if (found != known_.end() && --found->second.users == 0) {
        fi_av_remove(addresses_.get(), &found->second.handle, 1, 0);
        known_.erase(found);
    }
}

void FabricEndpoint::start(Transfer& transfer) {
    const std::scoped_lock guard(lock_);
    Posted posted = Posted::kTaken;
    while (posted == Posted::kTaken) {
        posted = post_one(transfer);
    }
    if (posted == Posted::kAgain) {
        is_full_.store(true, std::memory_order_relaxed);
    }
    note_business();
}

void FabricEndpoint::share(Transfer& transfer) {
    const std::scoped_lock guard(lock_);
    if (transfer.note_attached(*this)) {
        attach(transfer);
    }
    note_business();
}

void FabricEndpoint::work() {
    const std::scoped_lock guard(lock_);
    progress();
    pump();
    note_business();
}

void FabricEndpoint::try_work() {
    const std::unique_lock guard(lock_, std::try_to_lock);
    if (guard.owns_lock()) {
        progress();
        pump();
        note_business();
    }
}

void FabricEndpoint::detach(Transfer& transfer) {
    const std::scoped_lock guard(lock_);
    std::erase(attached_, &transfer);
}

void FabricEndpoint::note_business() {
    is_busy_.store(!window_.is_empty() || !attached_.empty());
    is_very_busy_.store(bytes_under_way_ >= kManyBytes || !attached_.empty(), std::memory_order_relaxed);
}

/// One operation of each in turn, so that none waits for another's end; and in vain where a peer takes none,
/// which says nothing about the others.
void FabricEndpoint::pump() {
    bool is_full = false;
    for (bool takes = true; takes && !attached_.empty();) {
        takes = is_full = false;
        for (size_t i = 0; i < attached_.size();) {
            Transfer* transfer = attached_[i];
            const Posted posted = post_one(*transfer);
            takes = takes || posted == Posted::kTaken;
            is_full = is_full || posted == Posted::kAgain;
            if (posted == Posted::kNothing) {
                std::erase(attached_, transfer);
            } else {
                ++i;
            }
        }
    }
    is_full_.store(is_full, std::memory_order_relaxed);
}

void FabricEndpoint::attach(Transfer& transfer) {
    const bool done = did_with_memory([&] {
        if (std::ranges::find(attached_, &transfer) == attached_.end()) {
            attached_.push_back(&transfer);
        }
    });
    if (!done) {
        transfer.stop(Status::without_memory());
    }
}

/// kNothing: the transfer has nothing to give now, or it has ended and may be gone.
FabricEndpoint::Posted FabricEndpoint::post_one(Transfer& transfer) {
    if (endpoint_ == nullptr) {
        static_cast<void>(attempt([this] { return renew_endpoint(); }));
    }
    FabricPeer::Load& load = transfer.peer().load(lane_);
    if (!window_.make_room(load.operations) || load.bytes >= kMostBytes || endpoint_ == nullptr) {
        if (!transfer.wants_more()) {
            return Posted::kNothing;
        }
        if (!transfer.note_attached(*this)) {
            return Posted::kNothing;
        }
        attach(transfer);
        return endpoint_ == nullptr ? Posted::kAgain : Posted::kNoRoom;
    }
    const size_t place = window_.take();
    FabricOperation& operation = window_[place];
    if (!transfer.take(operation)) {
        window_.give_back(place);
        return Posted::kNothing;
    }
    ++operation.generation;
    operation.transfer = &transfer;
    const int code = submit(transfer, place);
    if (code != -FI_EAGAIN) {
        load.bytes += operation.size;
        ++load.operations;
        bytes_under_way_ += operation.size;
        begun_.fetch_add(1, std::memory_order_relaxed);
        if (code != 0) {
            finish(context_of(place), -code);
            return Posted::kNothing;
        }
        return Posted::kTaken;
    }
    operation.transfer = nullptr;
    window_.give_back(place);
    if (transfer.give_back(operation, *this) == Transfer::After::kEnded) {
        return Posted::kNothing;
    }
    attach(transfer);
    return Posted::kAgain;
}

/// 0, or what libfabric says, negative.
int FabricEndpoint::submit(const Transfer& transfer, size_t place) {
    const FabricOperation& operation = window_[place];
    std::array<iovec, FabricOperation::kMostPieces> local;
    std::array<fi_rma_iov, FabricOperation::kMostPieces> remote;
    std::array<void*, FabricOperation::kMostPieces> descriptors;
    for (size_t i = 0; i < operation.count; ++i) {
        const FabricPiece& piece = operation.pieces[i];
        local[i] = {piece.local, piece.size};
        remote[i] = {piece.region.base + piece.offset, piece.size, piece.region.key};
    }
    const auto prepare = [&] {
        return local_->prepare(place, transfer.flow(), operation, local, descriptors);
    };
    if (local_ && !attempt(prepare).is_ok()) {
        local_->drop(place);
        return -FI_ENOMEM;
    }
    fi_msg_rma message{};
    message.msg_iov = local.data();
    message.desc = local_ ? descriptors.data() : nullptr;
    message.iov_count = operation.count;
    message.addr = transfer.peer().way(lane_).handle;
    message.rma_iov = remote.data();
    message.rma_iov_count = operation.count;
    message.context = context_of(place);
    forget_errno();
    // Only delivery-complete means that the bytes are in the target's memory.
    const uint64_t word = transfer.word() == Transfer::Word::kAsked ? FI_DELIVERY_COMPLETE : 0;
    const auto code = static_cast<int>(transfer.flow() == FabricFlow::kPut
                                           ? fi_writemsg(endpoint_.get(), &message, FI_COMPLETION | word)
                                           : fi_readmsg(endpoint_.get(), &message, FI_COMPLETION));
    if (code != 0 && local_) {
        local_->drop(place);
    }
    return code;
}

void FabricEndpoint::progress() {
    read_completions();
    if (discards_to_post_ != 0) {
        post_discards();
    }
}

/// Nobody of ours sends messages here. Those of others are taken and forgotten: without a receive for them
/// the engine would keep them all.
void FabricEndpoint::post_discards() {
    iovec place{discarded_.data(), discarded_.size()};
    fi_msg message{};
    message.msg_iov = &place;
    message.iov_count = 1;
    message.addr = FI_ADDR_UNSPEC;
    message.context = reinterpret_cast<void*>(kDiscarded);
    while (discards_to_post_ != 0 && endpoint_ != nullptr) {
        forget_errno();
        if (fi_recvmsg(endpoint_.get(), &message, FI_COMPLETION) != 0) {
            return;
        }
        --discards_to_post_;
    }
}

void FabricEndpoint::read_completions() {
    std::array<fi_cq_entry, kCompletionsAtOnce> entries;
    for (;;) {
        forget_errno();
        const ssize_t count = fi_cq_read(queue_.queue.get(), entries.data(), entries.size());
        if (count > 0) {
            for (ssize_t i = 0; i < count; ++i) {
                finish(entries[static_cast<size_t>(i)].op_context, 0);
            }
            if (static_cast<size_t>(count) < entries.size()) {
                return;
            }
        } else if (count != -FI_EAVAIL || !read_error()) {
            return;
        }
    }
}

bool FabricEndpoint::read_error() {
    fi_cq_err_entry entry{};
    if (fi_cq_readerr(queue_.queue.get(), &entry, 0) != 1) {
        return false;
    }
    finish(entry.op_context, entry.err == 0 ? FI_EOTHER : entry.err);
    return true;
}

void* FabricEndpoint::context_of(size_t place) const {
    return reinterpret_cast<void*>(window_[place].generation << 8 | place);
}

void FabricEndpoint::finish(void* context, int error) {
    const auto number = reinterpret_cast<uint64_t>(context);
    if (number == kDiscarded) {
        ++discards_to_post_;
        return;
    }
    const uint64_t place = number & 0xff;
    if (!window_.has(place) || window_[place].generation != number >> 8 ||
        window_[place].transfer == nullptr) {
        return;  // told before
    }
    Transfer& transfer = *std::exchange(window_[place].transfer, nullptr);
    FabricPeer::Load& load = transfer.peer().load(lane_);
    window_.give_back(place);
    --load.operations;
    load.bytes -= window_[place].size;
    bytes_under_way_ -= window_[place].size;
    if (local_ && error == 0) {
        local_->finish(place, transfer.flow(), window_[place]);
    } else if (local_) {
        local_->drop(place);
    }
    transfer.finish(window_[place], error);
}

}  // namespace memfabric::transport
