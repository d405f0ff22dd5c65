// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "base/thread.h"
#include "store/sockets.h"
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {

/// Passes bytes between clients and a store, and can cut all connections, hold back what the store says,
/// change or repeat what either says, or be closed to new connections for a while.
class TcpProxy {
 public:
    explicit TcpProxy(const Endpoint& store) : store_(resolve(store, soon()).value().front()) {
        listener_ = listen_on(resolve({"127.0.0.1", 0}, soon()).value().front()).value();
        endpoint_ = {"127.0.0.1", local_address_of(listener_.get()).port()};
        thread_ = start_thread("proxy", [this](const std::stop_token& stop) { run(stop); });
    }
    ~TcpProxy() {
        thread_.request_stop();
        wake();
    }
    TcpProxy(const TcpProxy&) = delete;
    TcpProxy& operator=(const TcpProxy&) = delete;

    const Endpoint& endpoint() const { return endpoint_; }

    /// Returns when every connection is cut.
    void cut() {
        change([this] { cut_ = true; }, [this] { return !cut_; });
    }
    /// From now on the bytes that the store sends are taken and thrown away.
    void swallow_replies(bool on) {
        change([this, on] { swallow_ = on; }, [] { return true; });
    }
    /// New connections are closed at once.
    void close_door(bool on) {
        change([this, on] { closed_ = on; }, [] { return true; });
    }
    /// Where new connections lead from now on.
    void lead_to(const Endpoint& store) {
        change([&] { store_ = resolve(store, soon()).value().front(); }, [] { return true; });
    }
    enum class Spoil { kNone, kFlip, kRepeat };
    /// What the client, or else the store, says next arrives with its last byte changed, or twice.
    void spoil_next(Spoil how, bool of_client) {
        change([this, how, of_client] { (of_client ? spoil_client_ : spoil_store_) = how; },
               [] { return true; });
    }
    /// How many connections there have been.
    size_t accepted() {
        const std::lock_guard lock(mutex_);
        return accepted_;
    }
    void wait_accepted(size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return accepted_ >= count; });
        EXPECT_GE(accepted_, count);
    }
    /// Waits until `count` bytes from the store were swallowed.
    void wait_swallowed(size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return swallowed_ >= count; });
        EXPECT_GE(swallowed_, count);
    }

 private:
    struct Pair {
        Fd client;
        Fd store;
    };

    void wake() {
        const uint64_t one = 1;
        ASSERT_EQ(::write(wake_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    }

    template <typename Change, typename Done>
    void change(Change change, Done done) {
        std::unique_lock lock(mutex_);
        change();
        wake();
        changed_.wait(lock, done);
    }

    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
            for (const Pair& pair : pairs_) {
                polled.push_back({pair.client.get(), POLLIN, 0});
                polled.push_back({pair.store.get(), POLLIN, 0});
            }
            ::poll(polled.data(), polled.size(), -1);
            const std::lock_guard lock(mutex_);
            if (polled[0].revents != 0) {
                uint64_t count = 0;
                ASSERT_EQ(::read(wake_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
            }
            size_t next = 2;
            for (auto pair = pairs_.begin(); pair != pairs_.end(); next += 2) {
                const bool alive =
                    (polled[next].revents == 0 || pass(pair->client, pair->store, false, spoil_client_)) &&
                    (polled[next + 1].revents == 0 ||
                     pass(pair->store, pair->client, swallow_, spoil_store_));
                pair = alive && !cut_ ? std::next(pair) : pairs_.erase(pair);
            }
            if (polled[1].revents != 0) {
                accept_one();
            }
            cut_ = false;
            changed_.notify_all();
        }
    }

    void accept_one() {
        Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        Fd store(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!closed_ && client.is_open() && ::connect(store.get(), store_.get(), store_.length) == 0) {
            pairs_.push_back({std::move(client), std::move(store)});
            ++accepted_;
        }
    }

    bool pass(const Fd& from, const Fd& to, bool swallow, Spoil& spoil) {
        char bytes[65536];
        const ssize_t got = ::recv(from.get(), bytes, sizeof bytes, 0);
        if (got <= 0) {
            return false;
        }
        swallowed_ += swallow ? static_cast<size_t>(got) : 0;
        const Spoil how = std::exchange(spoil, Spoil::kNone);
        if (how == Spoil::kFlip) {
            bytes[got - 1] = static_cast<char>(bytes[got - 1] ^ 1);
        }
        const auto send = [&] {
            return ::send(to.get(), bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
        };
        return swallow || (send() && (how != Spoil::kRepeat || send()));
    }

    SocketAddress store_;
    Endpoint endpoint_;
    Fd listener_;
    Fd wake_{::eventfd(0, EFD_CLOEXEC)};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Pair> pairs_;
    bool cut_ = false;
    bool swallow_ = false;
    bool closed_ = false;
    Spoil spoil_client_ = Spoil::kNone;
    Spoil spoil_store_ = Spoil::kNone;
    size_t accepted_ = 0;
    size_t swallowed_ = 0;
    std::jthread thread_;
};

}  // namespace memfabric::store::test
