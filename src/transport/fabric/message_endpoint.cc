// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/message_endpoint.h"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/attempt.h"
#include "transport/fabric/address_vector.h"

namespace memfabric::transport {
namespace {

constexpr const char* kPurpose = " for messages";

}  // namespace

Result<std::unique_ptr<MessageEndpoint>> MessageEndpoint::open(FabricRail& rail) {
    MF_ASSIGN_OR_RETURN(fid_domain* const domain, rail.add_domain());
    std::unique_ptr<MessageEndpoint> opened(new MessageEndpoint(rail, *domain));
    MF_RETURN_IF_ERROR(opened->make_buffers());
    MF_ASSIGN_OR_RETURN(opened->queue_,
                        open_completion_queue(*domain, FI_CQ_FORMAT_MSG, 2 * (kReceives + kSends), kPurpose));
    MF_ASSIGN_OR_RETURN(opened->addresses_, open_address_vector(*domain, kPurpose));
    MF_ASSIGN_OR_RETURN(opened->endpoint_,
                        open_endpoint(*domain, *rail.info, *opened->queue_.queue, *opened->addresses_,
                                      FI_TRANSMIT | FI_RECV, kPurpose));
    MF_ASSIGN_OR_RETURN(opened->address_, address_of(*opened->endpoint_, kPurpose));
    opened->post_receives();
    return opened;
}

bool MessageEndpoint::may_sleep() const {
    return queue_.may_sleep(fabric_);
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
        return engine_failure(std::string("registering the buffers") + kPurpose, code);
    }
    registration_.reset(registration);
    return {};
}

Result<fi_addr_t> MessageEndpoint::insert(std::string_view peer_address) {
    const std::scoped_lock guard(lock_);
    if (peer_address.size() != address_.size()) {
        return failure(Code::kInvalidParam, "a peer's address has {} bytes, those of this provider have {}",
                       peer_address.size(), address_.size());
    }
    return insert_address(*addresses_, peer_address);
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
    forget_errno();
    free->busy = fi_send(endpoint_.get(), free->bytes, free->size, descriptor(), to, context_of(*free)) == 0;
    queue_.note_activity();
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
    std::array<fi_cq_msg_entry, kAtOnce> entries;
    forget_errno();
    const ssize_t count = fi_cq_read(queue_.queue.get(), entries.data(), entries.size());
    if (count > 0) {
        for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
            events[i] = take(entries[i].op_context, false, entries[i].len);
        }
        return static_cast<size_t>(count);
    }
    fi_cq_err_entry error{};
    if (count == -FI_EAVAIL && fi_cq_readerr(queue_.queue.get(), &error, 0) == 1) {
        events[0] = take(error.op_context, true, 0);
        return 1;
    }
    return 0;
}

bool MessageEndpoint::progress(MessageSink& sink) {
    std::array<Event, kAtOnce> events;
    size_t count = 0;
    bool any = false;
    do {
        std::unique_lock guard(lock_);
        count = read_events(events);
        guard.unlock();
        for (const Event& event : std::span(events).first(count)) {
            if (event.buffer == nullptr) {
                continue;
            }
            const std::string_view bytes(reinterpret_cast<const char*>(event.buffer->bytes),
                                         event.buffer->size);
            // What there is no memory for is as if lost on its way: whoever sent it sends it again.
            static_cast<void>(did_with_memory([&] {
                if (event.is_receive && !event.failed) {
                    sink.received(bytes, *this);
                } else if (!event.is_receive && event.failed) {
                    sink.returned(bytes);
                }
            }));
        }
        if (count > 0) {
            any = true;
            queue_.note_activity();
            guard.lock();
            give_back(std::span(events).first(count));
        }
    } while (count == events.size());  // whoever sleeps asks first whether there is more
    return any;
}

void MessageEndpoint::give_back(std::span<const Event> events) {
    for (const Event& event : events) {
        if (event.buffer != nullptr) {
            event.buffer->busy = false;
        }
    }
    post_receives();
}

}  // namespace memfabric::transport
