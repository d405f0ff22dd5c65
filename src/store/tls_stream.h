// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "store/channel.h"

namespace memfabric::store {

/// TLS over a non-blocking socket that somebody else owns.
class TlsStream {
 public:
    struct Free {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    struct Socket {
        int descriptor = -1;
        bool has_tls = false;  // the other side has said something that is no message of a store without TLS
    };

    static Result<std::unique_ptr<TlsStream>> create(std::shared_ptr<ssl_ctx_st> context, TlsRole role,
                                                     int descriptor);
    /// Of what create() has set up.
    TlsStream(std::shared_ptr<ssl_ctx_st> context, std::unique_ptr<Socket> socket,
              std::unique_ptr<SSL, Free> ssl)
        : context_(std::move(context)), socket_(std::move(socket)), ssl_(std::move(ssl)) {}

    /// Throws where there is not the memory that OpenSSL takes to read or write: where it finds none, the
    /// connection is over.
    void expect_memory();
    IoResult handshake();
    IoResult read(std::span<char> target);
    IoResult write(std::string_view bytes);
    bool has_buffered() const { return SSL_pending(ssl_.get()) > 0; }
    void finish();

 private:
    IoResult outcome(int returned) const;

    std::shared_ptr<ssl_ctx_st> context_;
    std::unique_ptr<Socket> socket_;  // OpenSSL has its address
    std::unique_ptr<SSL, Free> ssl_;
    std::vector<char> room_;  // empty: taken to see whether it is to be had
};

}  // namespace memfabric::store
