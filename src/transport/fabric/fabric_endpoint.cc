// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_endpoint.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "transport/fabric/peer_sockets.h"

namespace memfabric::transport {
namespace {

constexpr size_t kCompletionsAtOnce = 16;
constexpr size_t kMostPieces = 16;
constexpr size_t kLongestAddress = 256;
// A broken connection ends its operations within milliseconds.
constexpr std::chrono::milliseconds kBreakingTakes{500};

Status engine_failure(const char* attempted, int code) {
    return failure(Code::kError, "libfabric: {} failed: {}", attempted, fi_strerror(-code));
}

template <typename T>
void* context_of(T* slots, const T* slot) {
    const auto index = static_cast<uint64_t>(slot - slots);
    return reinterpret_cast<void*>(slot->generation << 8 | index);
}

}  // namespace

Result<std::unique_ptr<FabricEndpoint>> FabricEndpoint::open(fid_domain& domain, fi_info& info) {
    std::unique_ptr<FabricEndpoint> opened(new FabricEndpoint(domain, info));
    MF_RETURN_IF_ERROR(opened->open_queues());
    MF_RETURN_IF_ERROR(opened->open_endpoint());
    MF_RETURN_IF_ERROR(opened->read_address());
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

Result<fi_addr_t> FabricEndpoint::insert(std::string_view peer_address) {
    const std::scoped_lock guard(lock_);
    fi_addr_t inserted = FI_ADDR_UNSPEC;
    const int count = fi_av_insert(addresses_.get(), peer_address.data(), 1, &inserted, 0, nullptr);
    if (count != 1) {
        return failure(Code::kInvalidParam, "libfabric takes the {} bytes of a peer's address for none",
                       peer_address.size());
    }
    return inserted;
}

bool FabricEndpoint::post(FabricFlow flow, fi_addr_t peer, FabricOperation& operation) {
    const std::scoped_lock guard(lock_);
    const auto slot = std::ranges::find(slots_, nullptr, &Slot::operation);
    if (slot == slots_.end() || endpoint_ == nullptr) {
        return false;
    }
    ++slot->generation;
    slot->operation = &operation;
    operation.state = FabricOperation::State::kPosted;
    const int code = submit(flow, peer, operation, context_of(slots_.data(), &*slot));
    if (code == 0) {
        ++begun_;
        return true;
    }
    slot->operation = nullptr;
    operation.error = -code;
    operation.state = code == -FI_EAGAIN ? FabricOperation::State::kWaiting : FabricOperation::State::kFailed;
    return code != -FI_EAGAIN;
}

int FabricEndpoint::submit(FabricFlow flow, fi_addr_t peer, const FabricOperation& operation, void* context) {
    std::array<iovec, kMostPieces> local{};
    std::array<fi_rma_iov, kMostPieces> remote{};
    const size_t count = std::min(operation.pieces.size(), kMostPieces);
    for (size_t i = 0; i < count; ++i) {
        const FabricPiece& piece = operation.pieces[i];
        local[i] = {piece.local, piece.size};
        remote[i] = {piece.region.base + piece.offset, piece.size, piece.region.key};
    }
    fi_msg_rma message{};
    message.msg_iov = local.data();
    message.iov_count = count;
    message.addr = peer;
    message.rma_iov = remote.data();
    message.rma_iov_count = count;
    message.context = context;
    // Only delivery-complete means that the bytes are in the target's memory.
    return static_cast<int>(flow == FabricFlow::kPut
                                ? fi_writemsg(endpoint_.get(), &message, FI_COMPLETION | FI_DELIVERY_COMPLETE)
                                : fi_readmsg(endpoint_.get(), &message, FI_COMPLETION));
}

void FabricEndpoint::progress() {
    const std::scoped_lock guard(lock_);
    progress_locked();
}

void FabricEndpoint::progress_locked() {
    std::array<fi_cq_entry, kCompletionsAtOnce> entries{};
    for (;;) {
        const ssize_t count = fi_cq_read(queue_.get(), entries.data(), entries.size());
        if (count > 0) {
            for (ssize_t i = 0; i < count; ++i) {
                finish(entries[static_cast<size_t>(i)].op_context, 0);
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

void FabricEndpoint::finish(void* context, int error) {
    const auto number = reinterpret_cast<uint64_t>(context);
    const uint64_t index = number & 0xff;
    if (index >= slots_.size() || slots_[index].generation != number >> 8 ||
        slots_[index].operation == nullptr) {
        return;  // told before
    }
    FabricOperation& operation = *std::exchange(slots_[index].operation, nullptr);
    operation.error = error;
    operation.state = error == 0 ? FabricOperation::State::kDone : FabricOperation::State::kFailed;
    completed_.notify_all();
}

void FabricEndpoint::wait_for_completions(std::chrono::milliseconds longest) {
    std::unique_lock guard(lock_);
    progress_locked();
    completed_.wait_for(guard, longest);
}

void FabricEndpoint::abandon(std::string_view peer_address, std::span<FabricOperation> operations) {
    const auto in_flight = [&] {
        return std::ranges::any_of(operations, [](const FabricOperation& operation) {
            return operation.state == FabricOperation::State::kPosted;
        });
    };
    std::unique_lock guard(lock_);
    progress_locked();
    if (!in_flight()) {
        return;
    }
    if (break_connections_to(peer_address) > 0) {
        const Deadline deadline = Deadline::after(kBreakingTakes);
        while (in_flight() && !deadline.expired()) {
            progress_locked();
            completed_.wait_for(guard, std::chrono::milliseconds(in_flight() ? 1 : 0));
        }
    }
    if (in_flight()) {
        reopen_locked();
    }
}

void FabricEndpoint::reopen_locked() {
    endpoint_.reset();
    for (Slot& slot : slots_) {
        if (slot.operation != nullptr) {
            finish(context_of(slots_.data(), &slot), FI_ECANCELED);
        }
    }
    if (!open_endpoint().is_ok()) {
        endpoint_.reset();  // post() says "again" from now on, and callers end by their deadlines
    }
}

}  // namespace memfabric::transport
