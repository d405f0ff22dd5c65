// SPDX-License-Identifier: Apache-2.0
#include "trans/in_flight.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "tests/transport/forked_child.h"

namespace memfabric::trans {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Fd handed_over(const InFlightBoard& board) {
    return Fd(::fcntl(board.descriptor(), F_DUPFD_CLOEXEC, 0));
}

class InFlight : public ::testing::Test {
 protected:
    std::unique_ptr<InFlightLane> claim(const std::string& name) {
        return InFlightLane::claim(handed_over(board_), name).value();
    }

    bool is_free(uint64_t begin, uint64_t size) {
        return board_.wait_until_free({begin, size}, Deadline::after(milliseconds(0))).is_ok();
    }

    InFlightBoard board_ = InFlightBoard::create("board").value();
};

TEST_F(InFlight, AnAnnouncedRangeIsHeldAndNoOther) {
    const auto lane = claim("somebody");
    EXPECT_TRUE(is_free(0, 1000));
    {
        const InFlightLane::Announcement announcement(*lane, {100, 100});
        EXPECT_FALSE(is_free(199, 1));
        EXPECT_FALSE(is_free(0, 101));
        EXPECT_TRUE(is_free(0, 100));
        EXPECT_TRUE(is_free(200, 100));
    }
    EXPECT_TRUE(is_free(0, 1000));
}

TEST_F(InFlight, TheHolderIsNamed) {
    const auto lane = claim("127.0.0.1:5000");
    const InFlightLane::Announcement announcement(*lane, {100, 100});
    const Status status = board_.wait_until_free({150, 1}, Deadline::after(milliseconds(5)));
    EXPECT_EQ(status.code(), Code::kResourceInUse);
    EXPECT_THAT(status.message(), HasSubstr("127.0.0.1:5000"));
    EXPECT_THAT(status.message(), HasSubstr(std::to_string(::getpid())));
}

TEST_F(InFlight, WaitsForTheEnd) {
    const auto lane = claim("somebody");
    std::optional<InFlightLane::Announcement> announcement;
    announcement.emplace(*lane, memory::AddressRange{100, 100});
    std::atomic<bool> ended{false};
    std::jthread ender([&] {
        ended = true;
        announcement.reset();
    });
    EXPECT_TRUE(board_.wait_until_free({100, 100}, Deadline::after_seconds(30)).is_ok());
    EXPECT_TRUE(ended);
}

TEST_F(InFlight, MoreOperationsThanSlotsTakeTurns) {
    const auto lane = claim("somebody");
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 40; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                const InFlightLane::Announcement announcement(*lane, {100, 100});
                const int now = ++running;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                }
                EXPECT_FALSE(is_free(100, 1));
                --running;
            }
        });
    }
    threads.clear();
    EXPECT_LE(most, static_cast<int>(kSlotsPerLane));
    EXPECT_TRUE(is_free(0, 1000));
}

TEST_F(InFlight, WhatADeadProcessAnnouncedCountsNoMore) {
    {
        // Descriptors that the library owns are closed in a forked child.
        const int inherited = ::fcntl(board_.descriptor(), F_DUPFD_CLOEXEC, 0);
        transport::test::ForkedChild child([&] {
            auto* const lane = InFlightLane::claim(Fd(inherited), "dead").value().release();
            static_cast<void>(
                std::make_unique<InFlightLane::Announcement>(*lane, memory::AddressRange{100, 100})
                    .release());
        });
        ::close(inherited);
        EXPECT_FALSE(is_free(100, 1));
        child.end();
        EXPECT_TRUE(is_free(100, 1));
    }
    // Its lane is free again.
    const auto lane = claim("next");
    EXPECT_TRUE(is_free(100, 1));
}

TEST_F(InFlight, AnInitiatorKnowsWhetherTheTargetLives) {
    std::optional<InFlightBoard> target(InFlightBoard::create("target").value());
    const auto lane = InFlightLane::claim(handed_over(*target), "somebody").value();
    EXPECT_TRUE(lane->target_is_alive());
    target.reset();
    EXPECT_FALSE(lane->target_is_alive());
    const InFlightLane::Announcement announcement(*lane, {1, 1});  // harms nobody
}

/// A program that forks helpers, as Python's multiprocessing does: they outlive it with all its mappings.
TEST_F(InFlight, AForkedChildKeepsNobodyAlive) {
    std::optional<InFlightBoard> target(InFlightBoard::create("target").value());
    const auto lane = InFlightLane::claim(handed_over(*target), "somebody").value();
    const transport::test::ForkedChild heir;
    target.reset();
    EXPECT_FALSE(lane->target_is_alive());
}

TEST_F(InFlight, WhatADeadProcessAnnouncedCountsNoMoreThoughItsChildLives) {
    const int inherited = ::fcntl(board_.descriptor(), F_DUPFD_CLOEXEC, 0);
    int end[2];
    int forked[2];
    ASSERT_EQ(::pipe(end), 0);
    ASSERT_EQ(::pipe(forked), 0);
    transport::test::ForkedChild initiator([&] {
        auto* const lane = InFlightLane::claim(Fd(inherited), "dead").value().release();
        static_cast<void>(
            std::make_unique<InFlightLane::Announcement>(*lane, memory::AddressRange{100, 100}).release());
        if (::fork() == 0) {
            ::close(end[1]);
            char byte = 0;
            static_cast<void>(!::write(forked[1], "f", 1));
            static_cast<void>(!::read(end[0], &byte, 1));
            ::_exit(0);
        }
        // Only once it runs has it closed the descriptors that the library owns.
        char byte = 0;
        static_cast<void>(!::read(forked[0], &byte, 1));
    });
    ::close(inherited);
    EXPECT_FALSE(is_free(100, 1));
    initiator.end();
    EXPECT_TRUE(is_free(100, 1));
    ::close(end[1]);  // the grandchild ends
    for (const int descriptor : {end[0], forked[0], forked[1]}) {
        ::close(descriptor);
    }
}

TEST_F(InFlight, WhatIsNoBoardIsRefused) {
    Fd other(::memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(InFlightLane::claim(std::move(other), "somebody").status().code(), Code::kRefused);
}

/// What the two sides promise each other: once the target has changed what an operation looks at, and has
/// waited, no operation that saw it as it was is under way.
TEST_F(InFlight, NoOperationOutlivesTheWait) {
    std::atomic<bool> registered{true};
    std::atomic<int> touching{0};
    std::atomic<bool> bad{false};
    std::vector<std::jthread> initiators;
    for (int i = 0; i < 3; ++i) {
        initiators.emplace_back([&](const std::stop_token& stop) {
            const auto lane = claim("initiator");
            while (!stop.stop_requested()) {
                const InFlightLane::Announcement announcement(*lane, {100, 100});
                if (registered.load(std::memory_order_relaxed)) {
                    ++touching;
                    --touching;
                }
            }
        });
    }
    for (int i = 0; i < 2000; ++i) {
        registered.store(false, std::memory_order_relaxed);
        bad = bad || !board_.wait_until_free({100, 100}, Deadline::after_seconds(30)).is_ok();
        bad = bad || touching != 0;
        registered.store(true, std::memory_order_relaxed);
    }
    EXPECT_FALSE(bad);
}

}  // namespace
}  // namespace memfabric::trans
