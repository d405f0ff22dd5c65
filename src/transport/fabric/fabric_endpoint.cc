// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_endpoint.h"

#include <poll.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "base/deadline.h"
#include "transport/fabric/peer_sockets.h"
#include "transport/fabric/transfer.h"

namespace memfabric::transport {
namespace {

constexpr size_t kCompletionsAtOnce = 16;
constexpr size_t kLongestAddress = 256;
// A broken connection ends its operations within milliseconds.
constexpr std::chrono::milliseconds kBreakingTakes{500};
constexpr int kLookAgainAfter = 1;  // milliseconds

Status engine_failure(const char* attempted, int code) {
    return failure(Code::kError, "libfabric: {} failed: {}", attempted, fi_strerror(-code));
}

}  // namespace

Result<std::unique_ptr<FabricEndpoint>> FabricEndpoint::open(fid_domain& domain, fi_info& info, size_t lane,
                                                             bool register_local) {
    std::unique_ptr<FabricEndpoint> opened(new FabricEndpoint(domain, info, lane));
    MF_RETURN_IF_ERROR(opened->open_queues());
    MF_RETURN_IF_ERROR(opened->open_endpoint());
    MF_RETURN_IF_ERROR(opened->read_address());
    if (register_local) {
        MF_ASSIGN_OR_RETURN(opened->local_, LocalMemory::open(domain, info, kWindow));
    }
    return opened;
}

Status FabricEndpoint::open_queues() {
    fi_cq_attr queue_attributes{};
    queue_attributes.format = FI_CQ_FORMAT_CONTEXT;
    queue_attributes.wait_obj = FI_WAIT_FD;
    queue_attributes.size = 4 * kWindow;
    fid_cq* queue = nullptr;
    if (const int code = fi_cq_open(&domain_, &queue_attributes, &queue, nullptr); code != 0) {
        return engine_failure("opening a completion queue", code);
    }
    queue_.reset(queue);
    if (const int code = fi_control(&queue->fid, FI_GETWAIT, &wait_descriptor_); code != 0) {
        return engine_failure("asking for the completion queue's descriptor", code);
    }
    fi_av_attr vector_attributes{};
    vector_attributes.type = FI_AV_TABLE;
    fid_av* addresses = nullptr;
    if (const int code = fi_av_open(&domain_, &vector_attributes, &addresses, nullptr); code != 0) {
        return engine_failure("opening an address vector", code);
    }
    addresses_.reset(addresses);
    return {};
}

Status FabricEndpoint::open_endpoint() {
    fid_ep* endpoint = nullptr;
    if (const int code = fi_endpoint(&domain_, &info_, &endpoint, nullptr); code != 0) {
        return engine_failure("opening an endpoint", code);
    }
    endpoint_.reset(endpoint);
    if (const int code = fi_ep_bind(endpoint, &addresses_->fid, 0); code != 0) {
        return engine_failure("binding the address vector", code);
    }
    const uint64_t ways = FI_TRANSMIT | FI_RECV | FI_SELECTIVE_COMPLETION;
    if (const int code = fi_ep_bind(endpoint, &queue_->fid, ways); code != 0) {
        return engine_failure("binding the completion queue", code);
    }
    const int code = fi_enable(endpoint);
    return code == 0 ? Status() : engine_failure("enabling an endpoint", code);
}

Status FabricEndpoint::read_address() {
    std::string address(kLongestAddress, '\0');
    size_t size = address.size();
    if (const int code = fi_getname(&endpoint_->fid, address.data(), &size); code != 0) {
        return engine_failure("asking for an endpoint's address", code);
    }
    address.resize(size);
    address_ = std::move(address);
    return {};
}

Result<fi_addr_t> FabricEndpoint::insert(const std::string& peer_address) {
    const std::scoped_lock guard(lock_);
    Known& known = known_[peer_address];
    if (known.users == 0 &&
        fi_av_insert(addresses_.get(), peer_address.data(), 1, &known.handle, 0, nullptr) != 1) {
        known_.erase(peer_address);
        return failure(Code::kInvalidParam, "libfabric takes the {} bytes of a peer's address for none",
                       peer_address.size());
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
    transfer.note_attached(*this);
    attach(transfer);
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
    is_busy_.store(free_ != kAllFree || !attached_.empty());
}

/// One operation of each in turn, so that none waits for another's end.
void FabricEndpoint::pump() {
    Posted posted = Posted::kTaken;
    const auto goes_on = [&] { return posted == Posted::kTaken || posted == Posted::kNothing; };
    while (!attached_.empty() && goes_on()) {
        for (size_t i = 0; i < attached_.size() && goes_on();) {
            Transfer* transfer = attached_[i];
            posted = post_one(*transfer);
            if (posted == Posted::kNothing) {
                std::erase(attached_, transfer);
            } else {
                ++i;
            }
        }
    }
    is_full_.store(posted == Posted::kAgain, std::memory_order_relaxed);
}

void FabricEndpoint::attach(Transfer& transfer) {
    if (std::ranges::find(attached_, &transfer) == attached_.end()) {
        attached_.push_back(&transfer);
    }
}

/// kNothing: the transfer has nothing to give now, or it has ended and may be gone.
FabricEndpoint::Posted FabricEndpoint::post_one(Transfer& transfer) {
    if (free_ == 0 || bytes_under_way_ >= kMostBytes || endpoint_ == nullptr) {
        if (!transfer.wants_more()) {
            return Posted::kNothing;
        }
        transfer.note_attached(*this);
        attach(transfer);
        return endpoint_ == nullptr ? Posted::kAgain : Posted::kNoRoom;
    }
    const auto place = static_cast<size_t>(std::countr_zero(free_));
    FabricOperation& operation = window_[place];
    if (!transfer.take(operation)) {
        return Posted::kNothing;
    }
    ++operation.generation;
    operation.transfer = &transfer;
    free_ &= ~(uint64_t{1} << place);
    const int code = submit(transfer, place);
    if (code != -FI_EAGAIN) {
        bytes_under_way_ += operation.size;
        begun_.fetch_add(1, std::memory_order_relaxed);
        if (code != 0) {
            finish(context_of(place), -code);
            return Posted::kNothing;
        }
        return Posted::kTaken;
    }
    operation.transfer = nullptr;
    free_ |= uint64_t{1} << place;
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
    if (local_ && !local_->prepare(place, transfer.flow(), operation, local, descriptors).is_ok()) {
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
    // Only delivery-complete means that the bytes are in the target's memory.
    const auto code =
        static_cast<int>(transfer.flow() == FabricFlow::kPut
                             ? fi_writemsg(endpoint_.get(), &message, FI_COMPLETION | FI_DELIVERY_COMPLETE)
                             : fi_readmsg(endpoint_.get(), &message, FI_COMPLETION));
    if (code != 0 && local_) {
        local_->drop(place);
    }
    return code;
}

void FabricEndpoint::progress() {
    std::array<fi_cq_entry, kCompletionsAtOnce> entries;
    for (;;) {
        const ssize_t count = fi_cq_read(queue_.get(), entries.data(), entries.size());
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
    if (fi_cq_readerr(queue_.get(), &entry, 0) != 1) {
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
    const uint64_t place = number & 0xff;
    if (place >= window_.size() || window_[place].generation != number >> 8 ||
        window_[place].transfer == nullptr) {
        return;  // told before
    }
    Transfer& transfer = *std::exchange(window_[place].transfer, nullptr);
    free_ |= uint64_t{1} << place;
    bytes_under_way_ -= window_[place].size;
    if (local_ && error == 0) {
        local_->finish(place, transfer.flow(), window_[place]);
    } else if (local_) {
        local_->drop(place);
    }
    transfer.finish(window_[place], error);
}

bool FabricEndpoint::has_operations_of(const Transfer& transfer) const {
    return std::ranges::any_of(
        window_, [&](const FabricOperation& operation) { return operation.transfer == &transfer; });
}

void FabricEndpoint::break_off(const Transfer& transfer, std::string_view peer_address) {
    const std::scoped_lock guard(lock_);
    progress();
    if (!has_operations_of(transfer)) {
        return;
    }
    if (break_connections_to(peer_address) > 0) {
        const Deadline deadline = Deadline::after(kBreakingTakes);
        while (has_operations_of(transfer) && !deadline.expired()) {
            pollfd wait{wait_descriptor_, POLLIN, 0};
            ::poll(&wait, 1, kLookAgainAfter);
            progress();
        }
    }
    if (has_operations_of(transfer)) {
        reopen();
    }
    note_business();
}

void FabricEndpoint::reopen() {
    endpoint_.reset();
    for (size_t place = 0; place < window_.size(); ++place) {
        if (window_[place].transfer != nullptr) {
            finish(context_of(place), FI_ECANCELED);
        }
    }
    if (!open_endpoint().is_ok()) {
        endpoint_.reset();  // nothing has room from now on, and callers end by their deadlines
    }
}

}  // namespace memfabric::transport
