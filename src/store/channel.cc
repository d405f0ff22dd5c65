// SPDX-License-Identifier: Apache-2.0
#include "store/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "store/tls_stream.h"

namespace memfabric::store {
namespace {

constexpr size_t kSmallRecord = 4096;

IoResult failed_call(IoState would_block) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        return IoResult{would_block, 0, {}};
    }
    return IoResult{IoState::kFailed, 0, errno_text(errno)};
}

IoResult receive(int descriptor, std::span<char> target, int flags) {
    const ssize_t got = ::recv(descriptor, target.data(), target.size(), flags);
    if (got < 0) {
        return failed_call(IoState::kWantRead);
    }
    return IoResult{got == 0 ? IoState::kClosed : IoState::kDone, static_cast<size_t>(got), {}};
}

}  // namespace

Channel::Channel(Fd socket) : socket_(std::move(socket)) {}

Channel::Channel(Channel&&) noexcept = default;

Channel::~Channel() = default;

Status Channel::enable_tls(std::shared_ptr<ssl_ctx_st> context, TlsRole role) {
    MF_ASSIGN_OR_RETURN(tls_, TlsStream::create(std::move(context), role, socket_.get()));
    return {};
}

void Channel::disable_tls() {
    tls_.reset();
}

void Channel::expect_memory() {
    if (tls_) {
        tls_->expect_memory();
    }
}

IoResult Channel::handshake() {
    return tls_ ? tls_->handshake() : IoResult();
}

IoResult Channel::read(std::span<char> target) {
    return tls_ ? tls_->read(target) : receive(socket_.get(), target, 0);
}

IoResult Channel::peek(std::span<char> target) const {
    return receive(socket_.get(), target, MSG_PEEK);
}

IoResult Channel::discard(std::span<char> scratch) const {
    return receive(socket_.get(), scratch, 0);
}

IoResult Channel::write(std::string_view first, std::string_view second) {
    if (tls_) {
        return write_records(first, second);
    }
    iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                       {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
        return failed_call(IoState::kWantWrite);
    }
    return IoResult{IoState::kDone, static_cast<size_t>(sent), {}};
}

IoResult Channel::write_records(std::string_view first, std::string_view second) {
    char record[kSmallRecord];
    if (first.empty() || second.empty() || first.size() + second.size() > sizeof record) {
        return tls_->write(first.empty() ? second : first);
    }
    // A header and a small body make one record, and so one system call.
    std::copy(first.begin(), first.end(), record);
    std::copy(second.begin(), second.end(), record + first.size());
    return tls_->write({record, first.size() + second.size()});
}

bool Channel::has_buffered() const {
    return tls_ && tls_->has_buffered();
}

void Channel::finish() {
    if (tls_) {
        tls_->finish();
    }
    ::shutdown(socket_.get(), SHUT_WR);
}

void Channel::abort() {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace memfabric::store
