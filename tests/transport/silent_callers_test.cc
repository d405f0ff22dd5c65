// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/silent_callers.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/deadline.h"
#include "base/fd.h"
#include "tests/base/file_limit.h"
#include "transport/fabric/incoming_connections.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

bool is_readable(int descriptor, std::chrono::milliseconds timeout = 0ms) {
    pollfd wait{descriptor, POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(timeout.count())) > 0;
}

/// Where the engine would listen: at a port that is free, or at this one of the second interface.
struct Port {
    Port() : Port(INADDR_LOOPBACK, 0) {}
    explicit Port(const Port& of_first) : Port(INADDR_LOOPBACK + 1, of_first.own.sin_port) {}
    Port(in_addr_t address, in_port_t number) {
        own.sin_family = AF_INET;
        own.sin_addr.s_addr = htonl(address);
        own.sin_port = number;
        EXPECT_EQ(::bind(socket.get(), bytes(), size), 0) << errno;
        EXPECT_EQ(::listen(socket.get(), 10), 0);
        EXPECT_EQ(::getsockname(socket.get(), bytes(), &size), 0);
    }
    sockaddr* bytes() { return reinterpret_cast<sockaddr*>(&own); }
    std::string address() { return {reinterpret_cast<const char*>(&own), size}; }

    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in own{};
    socklen_t size = sizeof own;
};

/// A connection to a port, both ends of it.
struct Call {
    explicit Call(Port& port) {
        EXPECT_EQ(::connect(caller.get(), port.bytes(), port.size), 0);
        accepted = Fd(::accept4(port.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    void speak() const { EXPECT_EQ(::send(caller.get(), "x", 1, 0), 1); }
    /// What the engine would see.
    bool was_ended(std::chrono::milliseconds timeout = 0ms) const {
        char byte = 0;
        return is_readable(accepted.get(), timeout) && ::recv(accepted.get(), &byte, 1, MSG_PEEK) == 0;
    }

    Fd caller{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Fd accepted;
};

class SilentCallersOfAPort : public ::testing::Test {
 protected:
    void SetUp() override {
        const std::string address = port_.address();
        watch_ = std::move(SilentCallers::open({&address, 1}, {200ms, 20ms})).value();
    }
    void serve_for(std::chrono::milliseconds time) {
        for (const Clock::time_point end = Clock::now() + time; Clock::now() < end;) {
            if (is_readable(watch_->descriptor(), 10ms)) {
                watch_->serve();
                ++wakeups_;
            }
        }
    }
    Port port_;
    std::unique_ptr<SilentCallers> watch_;
    int wakeups_ = 0;
};

TEST_F(SilentCallersOfAPort, AreEndedWhereTheyTookAllDescriptorsAndNobodyElse) {
#if defined(MEMFABRIC_SANITIZES_UNDEFINED)
    GTEST_SKIP()
        << "without a descriptor UndefinedBehaviorSanitizer takes every object for one of a wrong type";
#endif
    Port other;
    const Call silent(port_);
    const Call speaker(port_);
    const Call elsewhere(other);
    speaker.speak();
    const Fd next(::eventfd(0, EFD_CLOEXEC));
    const test::FileLimit none(static_cast<rlim_t>(next.get()));
    ASSERT_FALSE(Fd(::eventfd(0, EFD_CLOEXEC)).is_open());
    serve_for(1s);
    EXPECT_TRUE(silent.was_ended());
    EXPECT_FALSE(speaker.was_ended());
    EXPECT_FALSE(elsewhere.was_ended());
}

TEST_F(SilentCallersOfAPort, MayStayWhereThereArePlentyOfDescriptors) {
    const Call silent(port_);
    serve_for(1s);
    EXPECT_FALSE(silent.was_ended());
    EXPECT_LT(wakeups_, 10);
}

TEST_F(SilentCallersOfAPort, ThatEndsListensNoMore) {
    port_.socket.reset();
    const Fd caller(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_LT(::connect(caller.get(), port_.bytes(), port_.size), 0) << "the watch does not hold it open";
}

TEST(SilentCallersOfTwoInterfaces, MayHaveTheSamePortAtBoth) {
    Port first;
    Port second(first);
    const std::array<std::string, 2> addresses{first.address(), second.address()};
    const auto opened = SilentCallers::open(addresses, {});
    ASSERT_TRUE(opened.is_ok()) << opened.status().message();
    EXPECT_NE(*opened, nullptr);
}

TEST(ConnectionsOfTwoInterfaces, AreBrokenAtOneOfThem) {
    Port first;
    Port second(first);
    Call broken(first);
    const Call whole(second);
    const std::string address = first.address();
    break_incoming_connections({&address, 1}, [&] {
        if (broken.was_ended()) {
            broken.accepted.reset();  // as the engine does
        }
    });
    EXPECT_FALSE(broken.accepted.is_open());
    EXPECT_FALSE(whole.was_ended());
}

TEST(SilentCallersOfNothing, AreNotWatched) {
    const std::string address = "some engine's own address";
    const auto opened = SilentCallers::open({&address, 1}, {});
    ASSERT_TRUE(opened.is_ok());
    EXPECT_EQ(*opened, nullptr);
}

}  // namespace
}  // namespace memfabric::transport
