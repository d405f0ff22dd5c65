// SPDX-License-Identifier: Apache-2.0
#include "store/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "store/wire.h"

namespace memfabric::store {
namespace {

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE in the program's thread; hence this
// one.

TlsStream::Socket& socket_of(BIO* bio) {
    return *static_cast<TlsStream::Socket*>(BIO_get_data(bio));
}

int write_socket(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(socket_of(bio).descriptor, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return static_cast<int>(sent);
}

int read_socket(BIO* bio, char* target, int size) {
    BIO_clear_retry_flags(bio);
    TlsStream::Socket& socket = socket_of(bio);
    if (!socket.has_tls) {
        // What a store without TLS answers is left for whoever can read it.
        char first = 0;
        const ssize_t peeked = ::recv(socket.descriptor, &first, 1, MSG_PEEK);
        if (peeked == 1 && first == kWireFirstByte) {
            BIO_set_retry_read(bio);
            return -1;
        }
        socket.has_tls = peeked == 1;
    }
    const ssize_t got = ::recv(socket.descriptor, target, static_cast<size_t>(size), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    return static_cast<int>(got);
}

long control_socket(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const instance = [] {
        BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "store socket");
        BIO_meth_set_write(method, write_socket);
        BIO_meth_set_read(method, read_socket);
        BIO_meth_set_ctrl(method, control_socket);
        return method;
    }();
    return instance;
}

// More than OpenSSL takes to read or write records, for which it has buffers already.
constexpr size_t kRoomForRecords = size_t{64} << 10;

/// Whether OpenSSL's last call did; it may say something else, as that a certificate is not valid.
bool has_run_out_of_memory() {
    return errno == ENOMEM || ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;
}

int clamp(size_t size) {
    return static_cast<int>(std::min<size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

Result<std::unique_ptr<TlsStream>> TlsStream::create(std::shared_ptr<ssl_ctx_st> context, TlsRole role,
                                                     int descriptor) {
    ERR_clear_error();
    std::unique_ptr<SSL, Free> ssl(SSL_new(context.get()));
    BIO* bio = ssl ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr) {
        return failure(Code::kMallocFailed, "a TLS connection could not be made: {}", openssl_error_text());
    }
    auto socket = std::make_unique<Socket>(Socket{descriptor});
    BIO_set_data(bio, socket.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_mode(ssl.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // A store has thousands of connections that say nothing; a client has one.
    if (role == TlsRole::kServer) {
        SSL_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS);
    }
    // Our messages say how long they are, so a connection that broke is not taken for one that ended.
    SSL_set_options(ssl.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    role == TlsRole::kServer ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
    return std::make_unique<TlsStream>(std::move(context), std::move(socket), std::move(ssl));
}

IoResult TlsStream::outcome(int returned) const {
    switch (SSL_get_error(ssl_.get(), returned)) {
        case SSL_ERROR_NONE:
            return IoResult{IoState::kDone, static_cast<size_t>(returned), {}};
        case SSL_ERROR_WANT_READ:
            return IoResult{IoState::kWantRead, 0, {}};
        case SSL_ERROR_WANT_WRITE:
            return IoResult{IoState::kWantWrite, 0, {}};
        case SSL_ERROR_ZERO_RETURN:
            return IoResult{IoState::kClosed, 0, {}};
        case SSL_ERROR_SYSCALL:
            return ERR_peek_error() == 0 && errno == 0 ? IoResult{IoState::kClosed, 0, {}}
                                                       : IoResult{IoState::kFailed, 0, errno_text(errno)};
        default: {
            const bool lacks_memory = has_run_out_of_memory();
            return IoResult{IoState::kFailed, 0, "TLS: " + openssl_error_text(), lacks_memory};
        }
    }
}

void TlsStream::expect_memory() {
    room_.reserve(kRoomForRecords);
    room_ = std::vector<char>();
}

IoResult TlsStream::handshake() {
    ERR_clear_error();
    errno = 0;
    return outcome(SSL_do_handshake(ssl_.get()));
}

IoResult TlsStream::read(std::span<char> target) {
    ERR_clear_error();
    errno = 0;
    return outcome(SSL_read(ssl_.get(), target.data(), clamp(target.size())));
}

IoResult TlsStream::write(std::string_view bytes) {
    if (bytes.empty()) {
        return {};
    }
    ERR_clear_error();
    errno = 0;
    return outcome(SSL_write(ssl_.get(), bytes.data(), clamp(bytes.size())));
}

void TlsStream::finish() {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) != 0) {
        SSL_shutdown(ssl_.get());
    }
    ERR_clear_error();
}

}  // namespace memfabric::store
