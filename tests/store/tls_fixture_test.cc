// SPDX-License-Identifier: Apache-2.0
#include "tests/store/tls_fixture.h"

#include <openssl/err.h>

#include <mutex>

#include "base/log.h"

namespace memfabric::store::test {
namespace {

std::mutex log_mutex;
std::string log_text;  // guarded by log_mutex

void collect(int /*level*/, const char* message) {
    const std::lock_guard lock(log_mutex);
    log_text += message;
    log_text += '\n';
}

/// One side of a connection that lives in memory.
struct Side {
    explicit Side(SSL_CTX* context) : ssl(SSL_new(context)) {}

    SslPtr ssl;
    bool greeted = false;
    bool done = false;
    bool failed = false;
    std::string error;

    /// Runs one step; true where something moved on.
    bool step() {
        if (done || failed) {
            return false;
        }
        char byte = 'x';
        ERR_clear_error();
        int result = SSL_do_handshake(ssl.get());
        if (result == 1 && !greeted) {
            greeted = SSL_write(ssl.get(), &byte, 1) == 1;
        }
        if (result == 1) {
            result = SSL_read(ssl.get(), &byte, 1);
        }
        if (result == 1) {
            done = true;
            return true;
        }
        if (SSL_get_error(ssl.get(), result) == SSL_ERROR_WANT_READ) {
            return false;
        }
        failed = true;
        error = openssl_error_text();
        return true;
    }
};

}  // namespace

HandshakeOutcome shake_hands(SSL_CTX* server, SSL_CTX* client) {
    Side at_server(server);
    Side at_client(client);
    BIO* server_end = nullptr;
    BIO* client_end = nullptr;
    BIO_new_bio_pair(&server_end, 1 << 20, &client_end, 1 << 20);
    SSL_set_bio(at_server.ssl.get(), server_end, server_end);
    SSL_set_bio(at_client.ssl.get(), client_end, client_end);
    SSL_set_accept_state(at_server.ssl.get());
    SSL_set_connect_state(at_client.ssl.get());
    // A handshake has three flights; four rounds without an end are a failure.
    for (int round = 0; round < 8; ++round) {
        at_client.step();
        at_server.step();
    }
    return {at_server.done,
            at_client.done,
            at_server.error,
            at_client.error,
            SSL_get_version(at_server.ssl.get()),
            at_server.done ? SSL_get_cipher_name(at_server.ssl.get()) : ""};
}

HandshakeOutcome shake_hands(const TlsSettings& server, const TlsSettings& client) {
    const auto server_context = make_tls_context(server, TlsRole::kServer);
    const auto client_context = make_tls_context(client, TlsRole::kClient);
    EXPECT_TRUE(server_context.is_ok()) << server_context.status().message();
    EXPECT_TRUE(client_context.is_ok()) << client_context.status().message();
    if (!server_context.is_ok() || !client_context.is_ok()) {
        return {};
    }
    return shake_hands(server_context->get(), client_context->get());
}

LogCapture::LogCapture() {
    const std::lock_guard lock(log_mutex);
    log_text.clear();
    set_external_logger(collect);
}

LogCapture::~LogCapture() {
    set_external_logger(nullptr);
}

std::string LogCapture::text() const {
    const std::lock_guard lock(log_mutex);
    return log_text;
}

}  // namespace memfabric::store::test
