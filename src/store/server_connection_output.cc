// SPDX-License-Identifier: Apache-2.0
// What the server says to a client, and how it waits for clients that do not take it.
#include <algorithm>
#include <asio/post.hpp>

#include "store/server_connection.h"

namespace memfabric::store {
namespace {

constexpr uint64_t kPauseBytes = 4 << 20;  // of replies that the client has not taken: it may ask for no more

}  // namespace

void Connection::send(const Header& header, SharedBody body) {
    if (stage_ != Stage::kServing) {
        return;
    }
    Header complete = header;
    complete.length = static_cast<uint32_t>(body->size());
    outgoing_bytes_ += kHeaderSize + body->size();
    outgoing_.push_back(Outgoing{encode_header(complete), std::move(body), 0});
    if (outgoing_.size() == 1) {
        flush();
    }
    paused_ = outgoing_bytes_ > kPauseBytes;
}

bool Connection::write_some(Outgoing& outgoing) {
    const std::string_view header(outgoing.header.data(), outgoing.header.size());
    const size_t in_body = outgoing.sent > kHeaderSize ? outgoing.sent - kHeaderSize : 0;
    const IoResult result = channel_.write(header.substr(std::min(outgoing.sent, kHeaderSize)),
                                           std::string_view(*outgoing.body).substr(in_body));
    switch (result.state) {
        case IoState::kDone:
            outgoing.sent += result.bytes;
            outgoing_bytes_ -= result.bytes;
            return true;
        case IoState::kWantWrite:
            wait_writable();
            return false;
        case IoState::kWantRead:
            return false;  // TLS wants to read first; reading goes on, and then flushes
        case IoState::kClosed:
        case IoState::kFailed:
            break;
    }
    end_later();
    return false;
}

void Connection::flush() {
    while (!outgoing_.empty() && stage_ != Stage::kEnded) {
        Outgoing& next = outgoing_.front();
        if (!write_some(next)) {
            return;
        }
        if (next.sent == kHeaderSize + next.body->size()) {
            outgoing_.pop_front();
        }
    }
    if (stage_ == Stage::kClosing) {
        channel_.finish();
    } else if (paused_) {
        paused_ = false;
        asio::post(shared_.io, [self = shared_from_this()] {
            self->take_bytes({});
            if (self->stage_ != Stage::kEnded) {
                self->on_readable();
                self->wait_readable();
            }
        });
    }
}

void Connection::refuse(const Status& why) {
    if (stage_ == Stage::kClosing || stage_ == Stage::kEnded) {
        return;
    }
    const std::string body = encode(Outcome{static_cast<int32_t>(why.code()), why.message()});
    Header header{Operation::kRefusal, static_cast<uint32_t>(body.size()), 0, 0, 0};
    outgoing_bytes_ += kHeaderSize + body.size();
    outgoing_.push_back(Outgoing{encode_header(header), std::make_shared<const std::string>(body), 0});
    begin_closing();
}

}  // namespace memfabric::store
