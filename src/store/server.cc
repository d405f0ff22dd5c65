// SPDX-License-Identifier: Apache-2.0
#include "store/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <vector>

#include "base/attempt.h"
#include "base/exit_call.h"
#include "base/fork_guard.h"
#include "base/log.h"
#include "base/room.h"
#include "base/thread.h"
#include "observe/more_pages.h"
#include "store/identity_file.h"
#include "store/server_connection.h"
#include "store/sockets.h"

namespace memfabric::store {
namespace {

constexpr size_t kScratchBytes = size_t{256} * 1024;
// More than any one message needs beside its own bytes.
constexpr size_t kStepBytes = size_t{64} * 1024;
constexpr std::chrono::milliseconds kAcceptPause(100);
// Who has connected and not yet greeted: so many may be, and so old when there are more. When a large job
// starts, all its processes are there at once.
constexpr size_t kFewStrangers = 1024;
constexpr std::chrono::milliseconds kStrangersPatience(1000);
constexpr std::chrono::milliseconds kResolveLimit(10000);
constexpr std::chrono::milliseconds kPagePatience(1000);
constexpr std::chrono::milliseconds kGoodbyePatience(1000);

/// Listens on every address of the endpoint; with port 0 all take the port that the first got.
Result<std::vector<Fd>> listen_everywhere(Endpoint& endpoint) {
    MF_ASSIGN_OR_RETURN(std::vector<SocketAddress> addresses,
                        resolve(endpoint, Deadline::after(kResolveLimit)));
    std::vector<Fd> listeners;
    Status first_failure;
    for (SocketAddress& address : addresses) {
        address.set_port(endpoint.port);
        Result<Fd> listener = listen_on(address);
        if (!listener.is_ok()) {
            first_failure = first_failure.is_ok() ? listener.status() : first_failure;
            continue;
        }
        endpoint.port = local_address_of(listener->get()).port();
        listeners.push_back(std::move(listener).value());
    }
    // "localhost" is two addresses, of which a machine without IPv6 has one; a taken port is a failure on
    // either.
    if (listeners.empty() || first_failure.code() == Code::kResourceInUse) {
        return first_failure;
    }
    return listeners;
}

Identity identity_of(const KeyJournal& journal) {
    Identity identity;
    identity.instance = journal.instance();
    identity.is_restart = journal.was_there();
    return identity;
}

class AsioServer : public Server {
 public:
    AsioServer(ServerConfig config, std::vector<Fd> listeners, std::shared_ptr<ssl_ctx_st> tls,
               const std::shared_ptr<KeyJournal>& journal)
        : config_(std::move(config)),
          identity_(journal ? "" : config_.runtime_folder, config_.endpoint),
          core_(config_.options, journal ? identity_of(*journal) : identity_.open(), journal),
          scratch_(kScratchBytes),
          expiry_(io_),
          shared_{io_,
                  core_,
                  std::move(tls),
                  config_.options.size(OptionId::kStoreMaxMessage),
                  config_.options.size(OptionId::kStoreMaxClients),
                  std::max(config_.options.size(OptionId::kStoreMaxMemory),
                           2 * config_.options.size(OptionId::kStoreMaxMessage)),
                  std::chrono::milliseconds(config_.options.integer(OptionId::kEvictAfter)),
                  scratch_,
                  [this] { arm_expiry(); },
                  [this] { arm_waits(); }} {
        for (Fd& listener : listeners) {
            acceptors_.push_back(std::make_unique<Acceptor>(io_, listener.release()));
        }
    }

    ~AsioServer() override {
        if (::getpid() != owner_) {
            // In a forked child: the thread is not here, and what it works on may be in any state.
            static_cast<void>(std::make_unique<std::jthread>(std::move(thread_)).release());
            static_cast<void>(std::make_unique<decltype(connections_)>(std::move(connections_)).release());
            return;
        }
        at_exit_.reset();
        page_.reset();
        io_.stop();
        thread_ = {};
        say_goodbye();  // nothing else runs here any more
        connections_.clear();
        identity_.remove();
    }

    void run() {
        if (config_.tls) {
            watch_certificates();
        }
        for (const auto& acceptor : acceptors_) {
            wait_for_clients(*acceptor);
        }
        watch_hosts();
        arm_expiry();
        thread_ = start_thread("mf-store", [this](const std::stop_token&) { serve(); });
        page_.emplace([this] { return page(); });
        at_exit_.emplace([this] { say_goodbye_at_exit(); });
    }

    const Endpoint& endpoint() const override { return config_.endpoint; }

 private:
    struct Acceptor {
        Acceptor(asio::io_context& io, int listener) : descriptor(io, listener), pause(io) {
            close_in_forked_child(listener);
        }
        ~Acceptor() { forget_in_forked_child(descriptor.native_handle()); }
        Acceptor(const Acceptor&) = delete;
        Acceptor& operator=(const Acceptor&) = delete;
        asio::posix::stream_descriptor descriptor;
        asio::steady_timer pause;
    };

    /// On the thread that serves, or after it. One that keeps its keys in a file only pauses.
    void say_goodbye() {
        if (!config_.data_folder.empty()) {
            return;
        }
        for (const auto& connection : std::set(connections_)) {
            connection->say_goodbye();
        }
    }

    /// Where the process exits and nobody has ended this: otherwise clients would wait for its return. Serves
    /// on until there is no process any more.
    void say_goodbye_at_exit() {
        if (thread_.get_id() == std::this_thread::get_id()) {
            return;  // whoever exits on it is inside a step of its
        }
        const auto said = std::make_shared<std::promise<void>>();
        asio::post(io_, [this, said] {
            say_goodbye();
            said->set_value();
        });
        static_cast<void>(said->get_future().wait_for(kGoodbyePatience));
    }

    /// The tables must not be left half changed, so nothing is begun without memory at hand.
    void serve() {
        const auto forever = asio::make_work_guard(io_);
        do {
            await_memory(kStepBytes, [this] { return io_.stopped(); });
        } while (io_.run_one() != 0);
    }

    /// For Prometheus; on a thread of its own.
    std::string page() {
        const auto promise = std::make_shared<std::promise<std::string>>();
        std::future<std::string> told = promise->get_future();
        asio::post(io_, [this, promise] {
            Statistics now = core_.statistics();
            now.connections = connections_.size();
            promise->set_value(metrics_page(config_.endpoint, now));
        });
        return told.wait_for(kPagePatience) == std::future_status::ready ? told.get() : std::string();
    }

    void wait_for_clients(Acceptor& acceptor) {
        acceptor.descriptor.async_wait(
            asio::posix::stream_descriptor::wait_read, [this, &acceptor](const asio::error_code& error) {
                if (error) {
                    return;
                }
                bool goes_on = false;
                if (did_with_memory([&] { goes_on = accept_clients(acceptor); }) && goes_on) {
                    wait_for_clients(acceptor);
                    return;
                }
                acceptor.pause.expires_after(kAcceptPause);
                acceptor.pause.async_wait([this, &acceptor](const asio::error_code& stopped) {
                    if (!stopped) {
                        wait_for_clients(acceptor);
                    }
                });
            });
    }

    /// Returns false where there is no room for another client, or no descriptor.
    bool accept_clients(Acceptor& acceptor) {
        for (;;) {
            if (is_crowded()) {
                make_room();
            }
            if (is_crowded()) {
                return false;  // they wait in the kernel's queue
            }
            SocketAddress peer;
            peer.length = sizeof peer.storage;
            Fd socket(::accept4(acceptor.descriptor.native_handle(),
                                reinterpret_cast<sockaddr*>(&peer.storage), &peer.length,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (socket.is_open()) {
                add_client(std::move(socket), peer);
                warned_of_accept_ = false;
            } else if (has_no_room_for_caller(errno)) {
                if (!std::exchange(warned_of_accept_, true)) {
                    log_warn("config store: no further client can be accepted ({})", errno_text(errno));
                }
                make_room();
                return false;
            } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return true;
            }
        }
    }

    void add_client(Fd socket, const SocketAddress& peer) {
        tune_stream(socket.get(), shared_.silent);
        const std::string name = Endpoint{peer.host_text(), peer.port()}.text();
        auto connection = std::make_shared<Connection>(
            shared_, std::move(socket), name, [this](const auto& ended) { connections_.erase(ended); });
        connections_.insert(connection);
        if (strangers_.size() >= 2 * most_strangers()) {
            forget_acquaintances();
        }
        strangers_.push_back(connection);
        connection->start();
    }

    size_t most_strangers() const { return std::max(kFewStrangers, shared_.max_clients / 4); }
    bool is_crowded() const { return connections_.size() - shared_.clients >= most_strangers(); }

    void forget_acquaintances() {
        std::erase_if(strangers_, [](const auto& weak) {
            const auto connection = weak.lock();
            return connection == nullptr || !connection->is_stranger();
        });
    }

    /// Whoever connects and says nothing shall not keep out those who have something to say.
    void make_room() {
        forget_acquaintances();
        const auto limit = std::chrono::steady_clock::now() - kStrangersPatience;
        size_t closed = 0;
        for (; !strangers_.empty(); ++closed, strangers_.pop_front()) {
            const auto connection = strangers_.front().lock();
            if (connection != nullptr && connection->begin() > limit) {
                break;
            }
            if (connection != nullptr) {
                connection->end();
            }
        }
        if (closed != 0) {
            log_warn("config store: {} connections that had not said who they are were closed to make room",
                     closed);
        }
    }

    void arm_expiry() {
        const auto next = core_.next_expiry();
        if (!next || (armed_ && *armed_ <= *next)) {
            return;
        }
        armed_ = *next;
        expiry_.expires_at(*next);
        expiry_.async_wait([this](const asio::error_code& error) {
            if (!error) {
                armed_.reset();
                core_.expire(Sessions::Clock::now());
                arm_expiry();
            }
        });
    }

    void arm_waits() {
        if (std::exchange(waits_armed_, true)) {
            return;
        }
        waits_.expires_after(core_.wait_period());
        waits_.async_wait([this](const asio::error_code& error) {
            if (!error) {
                waits_armed_ = false;
                if (core_.has_waits()) {
                    arm_waits();
                }
                core_.tend_waits(Sessions::Clock::now());
            }
        });
    }

    void watch_hosts() {
        constexpr int kLooks = 8;  // within the limit
        silence_.expires_after(shared_.silent / kLooks);
        silence_.async_wait([this](const asio::error_code& error) {
            if (!error) {
                watch_hosts();
                for (const auto& connection : std::set(connections_)) {
                    connection->look_for_silence();
                }
            }
        });
    }

    /// make_tls_context has looked at them just now.
    void watch_certificates() {
        certificates_.expires_after(expiry_check_period());
        certificates_.async_wait([this](const asio::error_code& error) {
            if (!error) {
                watch_certificates();
                warn_of_expiry(*config_.tls);
            }
        });
    }

    const pid_t owner_ = ::getpid();
    ServerConfig config_;
    IdentityFile identity_;
    Core core_;
    std::vector<char> scratch_;
    asio::io_context io_{1};
    asio::steady_timer expiry_;
    asio::steady_timer silence_{io_};
    asio::steady_timer waits_{io_};
    bool waits_armed_ = false;
    asio::steady_timer certificates_{io_};
    std::optional<Sessions::Clock::time_point> armed_;  // what expiry_ waits for
    ServerShared shared_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::set<std::shared_ptr<Connection>> connections_;
    std::deque<std::weak_ptr<Connection>> strangers_;  // by age; some have gone, or greeted, since
    bool warned_of_accept_ = false;
    std::jthread thread_;
    std::optional<observe::MorePages> page_;  // these two last: they use all of the above
    std::optional<ExitCall> at_exit_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerConfig config) {
    const std::string context = fmt::format("config store at {}", config.endpoint.text());
    std::shared_ptr<ssl_ctx_st> tls;
    if (config.tls) {
        Result<std::shared_ptr<ssl_ctx_st>> made = make_tls_context(*config.tls, TlsRole::kServer);
        if (!made.is_ok()) {
            return made.status().with_context(context);
        }
        tls = std::move(made).value();
    }
    std::shared_ptr<KeyJournal> journal;
    if (!config.data_folder.empty()) {
        MF_ASSIGN_OR_RETURN(journal, KeyJournal::open(config.data_folder, random_u64()));
    }
    Result<std::vector<Fd>> listeners = listen_everywhere(config.endpoint);
    if (!listeners.is_ok()) {
        return listeners.status().with_context(context);
    }
    auto server = std::make_unique<AsioServer>(std::move(config), std::move(listeners).value(),
                                               std::move(tls), journal);
    server->run();
    log_info("config store: listens on {}", server->endpoint().text());
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace memfabric::store
