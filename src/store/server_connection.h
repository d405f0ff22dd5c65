// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/channel.h"
#include "store/core.h"

namespace memfabric::store {

/// What all connections of one server share.
struct ServerShared {
    asio::io_context& io;
    Core& core;
    std::shared_ptr<ssl_ctx_st> tls;  // none: plaintext
    uint64_t max_message = 0;
    size_t max_clients = 0;
    uint64_t max_partial = 0;             // bytes of messages whose end has not come yet, of all clients
    std::chrono::milliseconds silent{0};  // after which a host counts as gone
    std::span<char> scratch;  // what is read lands here first, so that an idle connection holds no buffer
    std::function<void()> expiry_changed;  // a session may have to be given up soon
    std::function<void()> waits_changed;   // a request waits
    size_t clients = 0;                    // that were welcomed and are connected
    uint64_t partial = 0;                  // see max_partial
};

/// One client's connection: TLS, greeting, then messages, until it ends.
class Connection : public Link, public std::enable_shared_from_this<Connection> {
 public:
    using Ended = std::function<void(const std::shared_ptr<Connection>&)>;

    Connection(ServerShared& shared, Fd socket, std::string peer, Ended ended);
    ~Connection() override;
    void start();

    void send(const Header& header, SharedBody body) override;
    void refuse(const Status& why) override;
    std::string address() const override { return peer_.substr(0, peer_.rfind(':')); }
    bool host_answers(std::chrono::milliseconds within) const override;
    /// Whether it has not yet said who it is.
    bool is_stranger() const { return !is_client_; }
    std::chrono::steady_clock::time_point begin() const { return begin_; }
    /// Without a word.
    void end();
    /// Ends where the client's host gave no sign for so long. To be called several times in that time.
    void look_for_silence();
    /// The store ends: whoever it serves need not wait for it to come back.
    void say_goodbye();

 private:
    enum class Stage {
        kFirstByte,  // tells a client with TLS from one without
        kTls,
        kGreeting,
        kServing,
        kClosing,  // everything is said; waits for the client to close
        kEnded,
    };
    struct Outgoing {
        HeaderBytes header;
        SharedBody body;
        size_t sent = 0;
    };

    void wait_readable();
    void wait_writable();
    void limit_time(std::chrono::milliseconds limit);
    void read_on();
    void on_readable();
    bool tell_protocols_apart();
    bool advance_tls();
    void read_messages();
    void take_bytes(std::string_view bytes);
    void note_partial();
    size_t consume(std::string_view bytes);
    Status handle(const Header& header, std::string_view body);
    void flush();
    bool write_some(Outgoing& outgoing);
    void answer_foreigner(std::string_view bytes);
    void begin_closing();
    void end_later();

    ServerShared& shared_;
    Channel channel_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    std::string peer_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    bool is_client_ = false;  // it was welcomed
    Ended ended_;
    Stage stage_ = Stage::kFirstByte;
    uint64_t session_ = 0;
    std::string incoming_;  // the beginning of a message whose end has not come yet
    uint64_t partial_ = 0;  // its part of ServerShared::partial
    std::deque<Outgoing> outgoing_;
    uint64_t outgoing_bytes_ = 0;
    std::optional<std::chrono::steady_clock::time_point> silent_since_;
    bool reading_ = false;  // a wait for readability is under way
    bool writing_ = false;
    bool paused_ = false;  // reads nothing more until the client has taken its replies
};

}  // namespace memfabric::store
