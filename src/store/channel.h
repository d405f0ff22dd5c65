// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/status.h"
#include "store/tls.h"

namespace memfabric::store {

enum class IoState {
    kDone,
    kWantRead,   // again when the socket is readable
    kWantWrite,  // again when the socket is writable
    kClosed,     // the other side closed
    kFailed,
};

struct IoResult {
    IoState state = IoState::kDone;
    size_t bytes = 0;
    std::string reason;         // of kFailed
    bool lacks_memory = false;  // of kFailed: for want of memory in this process
};

class TlsStream;

/// A connected, non-blocking stream socket, with TLS on it or without. Not thread-safe.
class Channel {
 public:
    explicit Channel(Fd socket);
    Channel(Channel&&) noexcept;
    Channel& operator=(Channel&&) = delete;
    ~Channel();

    /// Before the first byte. `context` is of make_tls_context.
    Status enable_tls(std::shared_ptr<ssl_ctx_st> context, TlsRole role);

    /// Where the other side turned out to have none.
    void disable_tls();

    /// Throws std::bad_alloc where read() or write() would end the connection for want of memory: TLS takes
    /// some for each record.
    void expect_memory();

    /// Until it is kDone; at once without TLS.
    IoResult handshake();
    IoResult read(std::span<char> target);
    /// Writes `first`, then `second`; the result's bytes may be fewer than both have.
    IoResult write(std::string_view first, std::string_view second);
    /// Bytes that read() would give though the socket has none.
    bool has_buffered() const;
    /// The first bytes that came, left where they are; none of them may be there yet.
    IoResult peek(std::span<char> target) const;

    /// Throws away what has come, whatever it is.
    IoResult discard(std::span<char> scratch) const;

    int descriptor() const { return socket_.get(); }
    /// Nothing more will be sent.
    void finish();
    /// Makes whoever waits for the socket see its end, from any thread.
    void abort();

 private:
    IoResult write_records(std::string_view first, std::string_view second);

    Fd socket_;
    std::unique_ptr<TlsStream> tls_;
};

}  // namespace memfabric::store
