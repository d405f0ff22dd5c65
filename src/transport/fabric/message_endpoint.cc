// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/message_endpoint.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include <algorithm>
#include <span>

namespace memfabric::transport {
namespace {

constexpr size_t kLongestAddress = 256;

Status engine_failure(const char* attempted, int code) {
    return failure(Code::kError, "libfabric: {} for messages failed: {}", attempted, fi_strerror(-code));
}

}  // namespace

Result<std::unique_ptr<MessageEndpoint>> MessageEndpoint::open(fid_domain& domain, fi_info& info) {
    std::unique_ptr<MessageEndpoint> opened(new MessageEndpoint(domain, info));
    MF_RETURN_IF_ERROR(opened->make_buffers());
    MF_RETURN_IF_ERROR(opened->open_queue());
    MF_RETURN_IF_ERROR(opened->open_endpoint());
    MF_RETURN_IF_ERROR(opened->read_address());
    opened->post_receives();
    return opened;
}

Status MessageEndpoint::make_buffers() {
    // Not zeroed: pages that no message ever touches cost nothing.
    memory_ = std::make_unique_for_overwrite<std::byte[]>(buffers_.size() * kLargestMessage);
    for (size_t i = 0; i < buffers_.size(); ++i) {
        buffers_[i].bytes = memory_.get() + i * kLargestMessage;
    }
    if ((info_.domain_attr->mr_mode & FI_MR_LOCAL) == 0) {
        return {};
    }
    fid_mr* registration = nullptr;
    const int code = fi_mr_reg(&domain_, memory_.get(), buffers_.size() * kLargestMessage, FI_SEND | FI_RECV,
                               0, 0, 0, &registration, nullptr);
    if (code != 0) {
        return engine_failure("registering the buffers", code);
    }
    registration_.reset(registration);
    return {};
}

Status MessageEndpoint::open_queue() {
    fi_cq_attr queue_attributes{};
    queue_attributes.format = FI_CQ_FORMAT_MSG;
    queue_attributes.wait_obj = FI_WAIT_FD;
    queue_attributes.size = 2 * (kReceives + kSends);
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

Status MessageEndpoint::open_endpoint() {
    fid_ep* endpoint = nullptr;
    if (const int code = fi_endpoint(&domain_, &info_, &endpoint, nullptr); code != 0) {
        return engine_failure("opening an endpoint", code);
    }
    endpoint_.reset(endpoint);
    if (const int code = fi_ep_bind(endpoint, &addresses_->fid, 0); code != 0) {
        return engine_failure("binding the address vector", code);
    }
    if (const int code = fi_ep_bind(endpoint, &queue_->fid, FI_TRANSMIT | FI_RECV); code != 0) {
        return engine_failure("binding the completion queue", code);
    }
    const int code = fi_enable(endpoint);
    return code == 0 ? Status() : engine_failure("enabling an endpoint", code);
}

Status MessageEndpoint::read_address() {
    std::string address(kLongestAddress, '\0');
    size_t size = address.size();
    if (const int code = fi_getname(&endpoint_->fid, address.data(), &size); code != 0) {
        return engine_failure("asking for the endpoint's address", code);
    }
    address.resize(size);
    address_ = std::move(address);
    return {};
}

Result<fi_addr_t> MessageEndpoint::insert(std::string_view peer_address) {
    const std::scoped_lock guard(lock_);
    fi_addr_t inserted = FI_ADDR_UNSPEC;
    if (peer_address.size() != address_.size() ||
        fi_av_insert(addresses_.get(), peer_address.data(), 1, &inserted, 0, nullptr) != 1) {
        return failure(Code::kInvalidParam, "libfabric takes the {} bytes of a peer's address for none",
                       peer_address.size());
    }
    return inserted;
}

void* MessageEndpoint::context_of(const Buffer& buffer) const {
    const auto index = static_cast<uint64_t>(&buffer - buffers_.data());
    return reinterpret_cast<void*>(buffer.generation << 8 | index);
}

bool MessageEndpoint::send(fi_addr_t to, const Message& message) {
    const std::scoped_lock guard(lock_);
    const auto sends = std::span(buffers_).subspan(kReceives);
    Buffer* free = nullptr;
    size_t to_this_peer = 0;
    for (Buffer& buffer : sends) {
        if (!buffer.busy) {
            free = free == nullptr ? &buffer : free;
        } else if (buffer.to == to) {
            ++to_this_peer;
        }
    }
    if (free == nullptr || to_this_peer >= kSendsToOnePeer) {
        return false;
    }
    free->size = message.encoded_size();
    message.encode(free->bytes);
    free->to = to;
    ++free->generation;
    free->busy = fi_send(endpoint_.get(), free->bytes, free->size, descriptor(), to, context_of(*free)) == 0;
    return free->busy;
}

void MessageEndpoint::post_receives() {
    for (Buffer& buffer : std::span(buffers_).first(kReceives)) {
        if (!buffer.busy) {
            ++buffer.generation;
            buffer.busy = fi_recv(endpoint_.get(), buffer.bytes, kLargestMessage, descriptor(),
                                  FI_ADDR_UNSPEC, context_of(buffer)) == 0;
        }
    }
}

MessageEndpoint::Event MessageEndpoint::take(void* context, bool failed, size_t size) {
    const auto number = reinterpret_cast<uint64_t>(context);
    const uint64_t index = number & 0xff;
    if (index >= buffers_.size() || buffers_[index].generation != number >> 8 || !buffers_[index].busy) {
        return {};  // told before
    }
    Buffer& buffer = buffers_[index];
    ++buffer.generation;
    const bool is_receive = index < kReceives;
    if (is_receive) {
        buffer.size = std::min(size, kLargestMessage);
    }
    return {&buffer, is_receive, failed};
}

size_t MessageEndpoint::read_events(std::array<Event, kAtOnce>& events) {
    std::array<fi_cq_msg_entry, kAtOnce> entries{};
    const ssize_t count = fi_cq_read(queue_.get(), entries.data(), entries.size());
    if (count > 0) {
        for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            events[i] = take(entries[i].op_context, false, entries[i].len);
        }
        return static_cast<size_t>(count);
    }
    fi_cq_err_entry error{};
    if (count == -FI_EAVAIL && fi_cq_readerr(queue_.get(), &error, 0) == 1) {
        events[0] = take(error.op_context, true, 0);
        return 1;
    }
    return 0;
}

bool MessageEndpoint::progress(MessageSink& sink) {
    bool any = false;
    for (;;) {
        std::array<Event, kAtOnce> events{};
        std::unique_lock guard(lock_);
        const size_t count = read_events(events);
        guard.unlock();
        if (count == 0) {
            return any;
        }
        any = true;
        for (const Event& event : std::span(events).first(count)) {
            if (event.buffer == nullptr) {
                continue;
            }
            const std::string_view bytes(reinterpret_cast<const char*>(event.buffer->bytes),
                                         event.buffer->size);
            if (event.is_receive && !event.failed) {
                sink.received(bytes);
            } else if (!event.is_receive && event.failed) {
                sink.returned(bytes);
            }
        }
        guard.lock();
        for (const Event& event : std::span(events).first(count)) {
            if (event.buffer != nullptr) {
                event.buffer->busy = false;
            }
        }
        post_receives();
    }
}

}  // namespace memfabric::transport
