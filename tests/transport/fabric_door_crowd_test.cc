// SPDX-License-Identifier: Apache-2.0
// More of those who knock at a door than a process has descriptors for.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "tests/base/file_limit.h"
#include "transport/fabric/liveness_door.h"
#include "transport/fabric/own_sockets.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kLife = 5;

std::atomic<int>& warnings() {
    static std::atomic<int> count{0};
    return count;
}

bool is_readable(int descriptor, int timeout = 0) {
    pollfd wait{descriptor, POLLIN, 0};
    return ::poll(&wait, 1, timeout) > 0;
}

/// A door that a test serves itself.
class CrowdedDoor : public ::testing::Test {
 protected:
    void SetUp() override {
        const sockaddr_in here{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
        const std::string like(reinterpret_cast<const char*>(&here), sizeof here);
        door_ = std::move(LivenessDoor::open(like, kLife)).value();
        warnings() = 0;
        set_external_logger(
            [](int, const char* line) { warnings() += std::strstr(line, "ulimit -n") != nullptr ? 1 : 0; });
    }
    void TearDown() override { set_external_logger(nullptr); }

    Fd knock() const {
        Fd visitor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in door{};
        std::memcpy(&door, door_->address().data(), sizeof door);
        EXPECT_EQ(::connect(visitor.get(), reinterpret_cast<const sockaddr*>(&door), sizeof door), 0);
        return visitor;
    }
    void serve() const {
        while (is_readable(door_->descriptor())) {
            door_->serve();
        }
    }
    /// What it got of the greeting.
    static bool was_greeted(const Fd& visitor) {
        uint64_t life = 0;
        return ::recv(visitor.get(), &life, sizeof life, MSG_DONTWAIT) == sizeof life;
    }
    static bool was_shown_out(const Fd& visitor) {
        char byte = 0;
        return ::recv(visitor.get(), &byte, 1, MSG_DONTWAIT) == 0;
    }

    std::unique_ptr<LivenessDoor> door_;
};

TEST_F(CrowdedDoor, HoldsAnEighthOfTheDescriptorsAndTheOldestMakesRoom) {
    const test::FileLimit limit(512);
    constexpr size_t kInside = 512 / 8;
    std::vector<Fd> visitors;
    for (size_t i = 0; i < kInside + 20; ++i) {
        visitors.push_back(knock());
        serve();
        if (i == 5) {
            visitors.front().reset();  // its descriptor at the door is given to a later one
            serve();
        }
    }
    for (size_t i = 1; i < visitors.size(); ++i) {
        EXPECT_TRUE(was_greeted(visitors[i])) << i;
        EXPECT_EQ(was_shown_out(visitors[i]), i < 20) << i;
    }
}

TEST_F(CrowdedDoor, RestsWhereTheProcessHasNoDescriptorAndSaysSoOnce) {
    std::vector<Fd> visitors;
    for (int i = 0; i < 3; ++i) {
        visitors.push_back(knock());
    }
    {
        const Fd next(::eventfd(0, EFD_CLOEXEC));
        const test::FileLimit none(static_cast<rlim_t>(next.get()));
        ASSERT_TRUE(is_readable(door_->descriptor()));
        const auto begin = std::chrono::steady_clock::now();
        int wakeups = 0;
        while (std::chrono::steady_clock::now() - begin < 1s) {
            if (is_readable(door_->descriptor(), 100)) {
                door_->serve();
                ++wakeups;
            }
        }
        EXPECT_GT(wakeups, 2) << "it does look again";
        EXPECT_LT(wakeups, 50);
        EXPECT_EQ(warnings(), 1);
    }
    const auto begin = std::chrono::steady_clock::now();
    while (!was_greeted(visitors.back()) && std::chrono::steady_clock::now() - begin < 10s) {
        ASSERT_TRUE(is_readable(door_->descriptor(), 5000));
        door_->serve();
    }
    EXPECT_TRUE(was_greeted(visitors.front()));
    EXPECT_FALSE(was_shown_out(visitors.front()));
    EXPECT_EQ(warnings(), 1);
}

TEST_F(CrowdedDoor, FindsOutWhichVisitorsAreDead) {
    const Fd visitor = knock();
    serve();
    sockaddr_in name{};
    socklen_t size = sizeof name;
    ASSERT_EQ(::getsockname(visitor.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    const std::vector<OwnSocket> sockets = own_sockets();
    const auto inside = std::ranges::find_if(sockets, [&](const OwnSocket& socket) {
        sockaddr_in other{};
        socklen_t other_size = sizeof other;
        return ::getpeername(socket.descriptor, reinterpret_cast<sockaddr*>(&other), &other_size) == 0 &&
               other.sin_port == name.sin_port;
    });
    ASSERT_NE(inside, sockets.end());
    for (const auto& [level, option] :
         {std::pair{SOL_SOCKET, SO_KEEPALIVE}, {IPPROTO_TCP, TCP_USER_TIMEOUT}}) {
        int value = 0;
        socklen_t value_size = sizeof value;
        ASSERT_EQ(::getsockopt(inside->descriptor, level, option, &value, &value_size), 0);
        EXPECT_GT(value, 0) << level;
    }
}

}  // namespace
}  // namespace memfabric::transport
