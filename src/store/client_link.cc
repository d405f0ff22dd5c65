// SPDX-License-Identifier: Apache-2.0
#include "store/client_link.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace memfabric::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kHandshakeLimit(5000);
// A host that came up in between is asked anew: TCP's own next attempt may be seconds away.
constexpr milliseconds kConnectLimit(1000);

using Kind = LinkFailure::Kind;

/// Whether one side has refused the other's TLS; a connection that just broke, or had no memory, may work the
/// next time.
Kind kind_of(const IoResult& result) {
    return result.reason.starts_with("TLS:") && !result.lacks_memory ? Kind::kForeign : Kind::kPassing;
}

Code code_of(const IoResult& result) {
    return result.lacks_memory ? Code::kMallocFailed : Code::kStoreSocket;
}

/// One attempt at one address.
class Attempt {
 public:
    Attempt(const Target& target, Deadline deadline, int wake, LinkFailure& failure)
        : target_(target),
          deadline_(deadline.sooner(Deadline::after(kHandshakeLimit))),
          wake_(wake),
          failure_(failure) {}

    std::optional<Established> run(const SocketAddress& address, const Hello& hello, const Header& seen);

 private:
    bool connect(const SocketAddress& address, Fd& socket);
    bool secure(Channel& channel);
    bool fail_refused_in_plaintext(Channel& channel);
    bool fail_refused(std::string_view body, Kind kind);
    bool send_all(Channel& channel, std::string_view bytes);
    bool receive_message(Channel& channel, Header& header, std::string& body);
    bool receive_exactly(Channel& channel, std::string& bytes, size_t size);
    bool wait(int descriptor, IoState state, Deadline deadline, const char* what);
    bool wait(int descriptor, IoState state, const char* what) {
        return wait(descriptor, state, deadline_, what);
    }
    bool fail(Code code, std::string text, Kind kind);

    const Target& target_;
    Deadline deadline_;
    int wake_;
    LinkFailure& failure_;
};

bool Attempt::fail(Code code, std::string text, Kind kind) {
    failure_.status = Status(code, fmt::format("config store at {}: {}", target_.endpoint.text(), text));
    failure_.kind = kind;
    return false;
}

bool Attempt::wait(int descriptor, IoState state, Deadline deadline, const char* what) {
    pollfd polled[2] = {{descriptor, static_cast<short>(state == IoState::kWantWrite ? POLLOUT : POLLIN), 0},
                        {wake_, POLLIN, 0}};
    const int ready = ::poll(polled, 2, deadline.poll_timeout());
    if (ready > 0 && polled[1].revents != 0) {
        return fail(Code::kStoreSocket, "the client is being closed", Kind::kRefused);
    }
    if (ready == 0) {
        return fail(Code::kStoreTimeout, what, Kind::kPassing);
    }
    return true;
}

bool Attempt::connect(const SocketAddress& address, Fd& socket) {
    const ConnectState state = begin_connect(address, socket);
    int error = errno;
    if (state == ConnectState::kInProgress) {
        const Deadline limit = deadline_.sooner(Deadline::after(kConnectLimit));
        if (!wait(socket.get(), IoState::kWantWrite, limit,
                  "no answer to the attempt to connect; is the host up, and is a firewall in between?")) {
            return false;
        }
        error = 0;
        socklen_t size = sizeof error;
        static_cast<void>(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size));
    } else if (state == ConnectState::kConnected) {
        error = 0;
    }
    if (error == 0 && local_address_of(socket.get()).port() == address.port() &&
        local_address_of(socket.get()).host_text() == address.host_text()) {
        // A connection to one's own port, which Linux makes where nobody listens and the port happens to be
        // picked.
        error = ECONNREFUSED;
    }
    if (error != 0) {
        const char* advice = error == ECONNREFUSED ? "; no store listens there (yet)" : "";
        const bool is_short = !socket.is_open() && errno_code(error) == Code::kMallocFailed;
        return fail(is_short ? Code::kMallocFailed : Code::kStoreSocket,
                    fmt::format("cannot connect to {}, {}{}", address.host_text(), errno_text(error), advice),
                    Kind::kPassing);
    }
    tune_stream(socket.get(), target_.silent);
    return true;
}

bool Attempt::secure(Channel& channel) {
    if (!target_.tls) {
        return true;
    }
    if (const Status status = channel.enable_tls(target_.tls, TlsRole::kClient); !status.is_ok()) {
        return fail(status.code(), status.message(), Kind::kPassing);  // for want of memory, perhaps
    }
    for (;;) {
        char begin[1] = {};
        if (channel.peek(begin).bytes > 0 && begin[0] == kWireFirstByte) {
            return fail_refused_in_plaintext(channel);
        }
        const IoResult result = channel.handshake();
        if (result.state == IoState::kDone) {
            return true;
        }
        if (result.state == IoState::kClosed || result.state == IoState::kFailed) {
            return fail(
                code_of(result),
                fmt::format("the TLS handshake failed: {}",
                            result.reason.empty() ? "the store closed the connection; its log says why"
                                                  : result.reason),
                kind_of(result));
        }
        if (!wait(channel.descriptor(), result.state, "it did not answer the TLS handshake")) {
            return false;
        }
    }
}

/// A store without TLS says so in the only way it can. Nothing but a refusal is taken from it, and that as
/// anybody's: it may not be the store that says it.
bool Attempt::fail_refused_in_plaintext(Channel& channel) {
    channel.disable_tls();
    Header header;
    std::string body;
    if (!receive_message(channel, header, body)) {
        return false;
    }
    if (header.operation != Operation::kRefusal) {
        return fail(Code::kStoreInvalidMessage, "it answers the TLS handshake without TLS", Kind::kForeign);
    }
    return fail_refused(body, Kind::kForeign);
}

bool Attempt::fail_refused(std::string_view body, Kind kind) {
    const Result<Outcome> outcome = decode<Outcome>(body);
    const Outcome refusal = outcome.is_ok() && outcome->code != 0
                                ? *outcome
                                : Outcome{static_cast<int32_t>(Code::kRefused), "refused"};
    return fail(static_cast<Code>(refusal.code), refusal.text, kind);
}

bool Attempt::send_all(Channel& channel, std::string_view bytes) {
    while (!bytes.empty()) {
        const IoResult result = channel.write(bytes, {});
        if (result.state == IoState::kDone) {
            bytes.remove_prefix(result.bytes);
        } else if (result.state == IoState::kClosed || result.state == IoState::kFailed) {
            return fail(code_of(result), fmt::format("the greeting could not be sent: {}", result.reason),
                        Kind::kPassing);
        } else if (!wait(channel.descriptor(), result.state, "it does not take the greeting")) {
            return false;
        }
    }
    return true;
}

bool Attempt::receive_exactly(Channel& channel, std::string& bytes, size_t size) {
    size_t got = bytes.size();
    bytes.resize(size);
    while (got < size) {
        const IoResult result = channel.read(std::span(bytes).subspan(got));
        if (result.state == IoState::kDone) {
            got += result.bytes;
            // Not one byte of ours: told before the whole header is there, since it may never come.
            if (bytes[0] != kWireFirstByte) {
                return fail(Code::kStoreInvalidMessage,
                            fmt::format("what answers there is no config store: {}",
                                        describe_foreign_bytes(std::string_view(bytes).substr(0, got))),
                            Kind::kForeign);
            }
        } else if (result.state == IoState::kClosed || result.state == IoState::kFailed) {
            return fail(code_of(result),
                        fmt::format("the connection was closed before the greeting was answered{}{}",
                                    result.reason.empty() ? "" : ": ", result.reason),
                        kind_of(result));
        } else if (!wait(channel.descriptor(), result.state,
                         "it accepted the connection and does not answer the greeting; is it a config "
                         "store, and is it running?")) {
            return false;
        }
    }
    return true;
}

bool Attempt::receive_message(Channel& channel, Header& header, std::string& body) {
    std::string bytes;
    if (!receive_exactly(channel, bytes, kHeaderSize)) {
        return false;
    }
    const Result<Header> decoded = decode_header(bytes, kMaxHandshakeMessage);
    if (!decoded.is_ok()) {
        return fail(decoded.status().code(), decoded.status().message(), Kind::kForeign);
    }
    header = *decoded;
    if (!receive_exactly(channel, bytes, kHeaderSize + header.length)) {
        return false;
    }
    body = bytes.substr(kHeaderSize);
    return true;
}

std::optional<Established> Attempt::run(const SocketAddress& address, const Hello& hello,
                                        const Header& seen) {
    Fd socket;
    if (!connect(address, socket)) {
        return std::nullopt;
    }
    Channel channel(std::move(socket));
    Header header = seen;
    std::string body = encode(hello);
    header.operation = Operation::kHello;
    header.length = static_cast<uint32_t>(body.size());
    const HeaderBytes bytes = encode_header(header);
    if (!secure(channel) || !send_all(channel, std::string(bytes.data(), bytes.size()) + body) ||
        !receive_message(channel, header, body)) {
        return std::nullopt;
    }
    if (header.operation == Operation::kRefusal) {
        fail_refused(body, Kind::kRefused);
        return std::nullopt;
    }
    const Result<Welcome> welcome = decode<Welcome>(body);
    if (header.operation != Operation::kWelcome || !welcome.is_ok()) {
        fail(Code::kStoreInvalidMessage, "its answer to the greeting makes no sense", Kind::kForeign);
        return std::nullopt;
    }
    return Established{std::move(channel), *welcome};
}

}  // namespace

std::optional<Established> establish(const Target& target, const Hello& hello, const Header& seen,
                                     Deadline deadline, int wake_descriptor, LinkFailure& failure) {
    for (const SocketAddress& address : target.addresses) {
        Attempt attempt(target, deadline, wake_descriptor, failure);
        if (std::optional<Established> established = attempt.run(address, hello, seen)) {
            return established;
        }
        if (failure.kind != Kind::kPassing || deadline.expired()) {
            break;
        }
    }
    return std::nullopt;
}

}  // namespace memfabric::store
