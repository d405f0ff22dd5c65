// SPDX-License-Identifier: Apache-2.0
#include "store/server_connection.h"

#include <algorithm>
#include <asio/post.hpp>

#include "base/attempt.h"
#include "base/log.h"
#include "store/sockets.h"

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kHandshakeLimit(5000);
constexpr milliseconds kClosingLimit(1000);

// As many copies of a message are made, at most, before it has been dealt with.
constexpr size_t kBodies = 4;
constexpr char kTlsFirstByte = 0x16;

/// One client more only for as long as it takes to notice that its old connection is gone.
bool resumes_session(std::string_view greeting) {
    const Result<Hello> hello = decode<Hello>(greeting);
    return hello.is_ok() && hello->session != 0;
}

}  // namespace

Connection::Connection(ServerShared& shared, Fd socket, std::string peer, Ended ended)
    : shared_(shared),
      channel_(std::move(socket)),
      descriptor_(shared.io, channel_.descriptor()),
      timer_(shared.io),
      peer_(std::move(peer)),
      ended_(std::move(ended)) {}

Connection::~Connection() {
    descriptor_.release();  // the channel closes it
}

void Connection::start() {
    limit_time(kHandshakeLimit);
    wait_readable();
}

void Connection::limit_time(milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
        if (error || self->stage_ == Stage::kServing || self->stage_ == Stage::kEnded) {
            return;
        }
        if (self->stage_ != Stage::kClosing) {
            log_info("config store: {} connected and did not greet within {} ms: closed", self->peer_,
                     kHandshakeLimit.count());
        }
        self->end();
    });
}

void Connection::wait_readable() {
    if (reading_ || paused_ || stage_ == Stage::kEnded) {
        return;
    }
    reading_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const asio::error_code& error) {
                               self->reading_ = false;
                               if (!error && self->stage_ != Stage::kEnded) {
                                   self->read_on();
                               }
                           });
}

void Connection::wait_writable() {
    if (writing_ || stage_ == Stage::kEnded) {
        return;
    }
    writing_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                           [self = shared_from_this()](const asio::error_code& error) {
                               self->writing_ = false;
                               if (error || self->stage_ == Stage::kEnded) {
                                   return;
                               }
                               if (self->stage_ == Stage::kTls) {
                                   self->on_readable();
                               }
                               self->flush();
                           });
}

/// Where there is no memory for what came, the client connects again, and sends it again.
void Connection::read_on() {
    const bool done = did_with_memory([this] {
        on_readable();
        wait_readable();
    });
    if (!done) {
        log_warn("config store: out of memory: the connection of {} is closed, it may come again", peer_);
        end();
    }
}

void Connection::on_readable() {
    if (stage_ == Stage::kFirstByte && !tell_protocols_apart()) {
        return;
    }
    if (stage_ == Stage::kTls && !advance_tls()) {
        return;
    }
    read_messages();
}

bool Connection::tell_protocols_apart() {
    char bytes[16];
    const IoResult result = channel_.peek(bytes);
    if (result.state != IoState::kDone) {
        if (result.state != IoState::kWantRead) {
            end();
        }
        return false;
    }
    const std::string_view begin(bytes, result.bytes);
    if (begin[0] == kTlsFirstByte && shared_.tls) {
        if (const Status status = channel_.enable_tls(shared_.tls, TlsRole::kServer); !status.is_ok()) {
            log_warn("config store: {}: {}", peer_, status.message());
            end();
            return false;
        }
        stage_ = Stage::kTls;
        return true;
    }
    if (begin[0] == kTlsFirstByte) {
        refuse(failure(
            Code::kRefused,
            "this store does not use TLS, the client does: switch it off at the client, or on at the store"));
        return false;
    }
    if (begin[0] != kWireFirstByte) {
        answer_foreigner(begin);
        return false;
    }
    if (shared_.tls) {
        refuse(failure(
            Code::kRefused,
            "this store uses TLS, the client does not: give the client a certificate and switch TLS on"));
        return false;
    }
    stage_ = Stage::kGreeting;
    return true;
}

void Connection::answer_foreigner(std::string_view bytes) {
    log_info("config store: {} is no client: {}", peer_, describe_foreign_bytes(bytes));
    constexpr std::string_view kAnswer =
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nThis is a "
        "MemFabric config store.\n";
    if (describe_foreign_bytes(bytes).ends_with("HTTP")) {
        static_cast<void>(channel_.write(kAnswer, {}));
    }
    begin_closing();
}

bool Connection::advance_tls() {
    const IoResult result = channel_.handshake();
    switch (result.state) {
        case IoState::kDone:
            stage_ = Stage::kGreeting;
            return true;
        case IoState::kWantRead:
            return false;
        case IoState::kWantWrite:
            wait_writable();
            return false;
        case IoState::kClosed:
        case IoState::kFailed:
            break;
    }
    log_warn("config store: the TLS handshake with {} failed: {}", peer_,
             result.reason.empty() ? "it closed" : result.reason);
    begin_closing();
    return false;
}

void Connection::read_messages() {
    while (stage_ != Stage::kEnded && !paused_) {
        const IoResult result =
            stage_ == Stage::kClosing ? channel_.discard(shared_.scratch) : channel_.read(shared_.scratch);
        if (result.state == IoState::kWantRead) {
            return;
        }
        if (result.state == IoState::kWantWrite) {
            wait_writable();
            return;
        }
        if (result.state != IoState::kDone) {
            end();
            return;
        }
        if (stage_ != Stage::kClosing) {
            take_bytes({shared_.scratch.data(), result.bytes});
        }
        // A read that did not fill its target has emptied the socket; TLS may hold more all the same.
        if (result.bytes < shared_.scratch.size() && !channel_.has_buffered()) {
            return;
        }
    }
}

void Connection::take_bytes(std::string_view bytes) {
    if (incoming_.empty()) {
        const size_t used = consume(bytes);
        incoming_.assign(bytes.substr(used));
    } else {
        incoming_.append(bytes);
        incoming_.erase(0, consume(incoming_));
    }
    if (incoming_.empty() && incoming_.capacity() > kMaxHandshakeMessage) {
        incoming_ = std::string();
    }
    note_partial();
}

void Connection::note_partial() {
    const uint64_t former = std::exchange(partial_, incoming_.size());
    shared_.partial += partial_;
    shared_.partial -= former;
    if (partial_ > former && shared_.partial > shared_.max_partial) {
        log_warn(
            "config store: {} has sent {} bytes of a message that has more, all clients together {}: closed",
            peer_, partial_, shared_.partial);
        refuse(failure(Code::kMallocFailed,
                       "the store holds {} bytes of messages whose end has not come, the most that it may",
                       shared_.partial));
    }
}

size_t Connection::consume(std::string_view bytes) {
    size_t used = 0;
    while (bytes.size() - used >= kHeaderSize && !paused_ &&
           (stage_ == Stage::kGreeting || stage_ == Stage::kServing)) {
        const std::string_view rest = bytes.substr(used);
        const Result<Header> header =
            decode_header(rest, stage_ == Stage::kServing ? shared_.max_message : kMaxHandshakeMessage);
        if (!header.is_ok()) {
            log_info("config store: {}: {}", peer_, header.status().message());
            refuse(header.status());
            return bytes.size();
        }
        if (rest.size() < kHeaderSize + header->length) {
            break;
        }
        used += kHeaderSize + header->length;
        if (const Status status = handle(*header, rest.substr(kHeaderSize, header->length));
            !status.is_ok()) {
            log_info("config store: {}: {}", peer_, status.message());
            refuse(status);
            return bytes.size();
        }
    }
    return used;
}

Status Connection::handle(const Header& header, std::string_view body) {
    if (stage_ == Stage::kServing) {
        if (!has_memory(kBodies * body.size())) {
            throw std::bad_alloc();  // before anything is done
        }
        MF_RETURN_IF_ERROR(shared_.core.receive(session_, header, body));
        if (shared_.core.next_expiry()) {
            shared_.expiry_changed();
        }
        if (shared_.core.has_waits()) {
            shared_.waits_changed();
        }
        if (header.operation == Operation::kGoodbye) {
            begin_closing();
        }
        return {};
    }
    if (shared_.clients >= shared_.max_clients && !resumes_session(body)) {
        log_warn("config store: {} is refused, {} clients are served already (MF_STORE_MAX_CLIENTS)", peer_,
                 shared_.clients);
        return failure(Code::kRefused,
                       "the store serves {} clients already, the most that it may (MF_STORE_MAX_CLIENTS)",
                       shared_.max_clients);
    }
    stage_ = Stage::kServing;
    timer_.cancel();
    Result<uint64_t> session = shared_.core.welcome(header, body, *this);
    if (!session.is_ok()) {
        return session.status();
    }
    session_ = *session;
    is_client_ = true;
    ++shared_.clients;
    return {};
}

bool Connection::host_answers(milliseconds within) const {
    const HostSign sign = last_sign_of_host(channel_.descriptor());
    return sign.ago < (sign.owes_answer ? within : within + 2 * keepalive_period(shared_.silent));
}

void Connection::look_for_silence() {
    const auto now = std::chrono::steady_clock::now();
    const milliseconds limit = shared_.silent;
    const milliseconds silence = last_sign_of_host(channel_.descriptor()).ago;
    if (silence <= limit) {
        silent_since_.reset();
        return;
    }
    silent_since_ = silent_since_.value_or(now);
    // Where nothing is on its way, a sign is due only as often as the kernel asks for one.
    if (silence > 2 * keepalive_period(limit) || now - *silent_since_ > limit) {
        log_info("config store: the host of {} gave no sign for {} ms (MF_EVICT_AFTER): closed", peer_,
                 silence.count());
        end();
    }
}

void Connection::say_goodbye() {
    if (stage_ == Stage::kServing) {
        refuse({Code::kStoreSocket, "it was stopped by the process that served it"});
    }
}

void Connection::begin_closing() {
    stage_ = Stage::kClosing;
    if (session_ != 0) {
        shared_.core.disconnect(session_, *this);
        shared_.expiry_changed();
        session_ = 0;
    }
    paused_ = false;
    incoming_.clear();
    note_partial();
    limit_time(kClosingLimit);
    flush();
    // Whoever sent it may still be sending; what comes is thrown away, lest a reset destroys what we have
    // said.
    asio::post(shared_.io, [self = shared_from_this()] { self->wait_readable(); });
}

void Connection::end_later() {
    asio::post(shared_.io, [self = shared_from_this()] { self->end(); });
}

void Connection::end() {
    if (stage_ == Stage::kEnded) {
        return;
    }
    stage_ = Stage::kEnded;
    incoming_.clear();
    note_partial();
    shared_.clients -= is_client_ ? 1 : 0;
    if (session_ != 0) {
        shared_.core.disconnect(session_, *this);
        shared_.expiry_changed();
    }
    timer_.cancel();
    descriptor_.cancel();
    channel_.abort();
    ended_(shared_from_this());
}

}  // namespace memfabric::store
