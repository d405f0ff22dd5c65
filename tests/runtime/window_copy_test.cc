// SPDX-License-Identifier: Apache-2.0
#include "runtime/window_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <vector>

#include "runtime/relay_halves.h"
#include "tests/runtime/plain_remote_memory.h"

namespace memfabric {
namespace {

using test::PlainNetwork;
using test::PlainPeer;
using test::PlainRemoteMemory;
using ::testing::HasSubstr;

constexpr uint64_t kStride = 4U << 20;
constexpr uint32_t kSlots = 4;
constexpr uint32_t kFirstRemote = 2;  // ranks 2 and 3 live elsewhere

std::byte pattern(size_t i) {
    return static_cast<std::byte>(i * 131 + (i >> 8) + (i >> 16));
}

/// A window whose ranks 0 and 1 are here and whose ranks 2 and 3 are memory that only the network reaches:
/// their part of the window itself is inaccessible.
class WindowCopyTest : public testing::Test {
 protected:
    WindowCopyTest() {
        for (uint32_t rank = kFirstRemote; rank < kSlots; ++rank) {
            far_[rank].resize(kStride);
            auto member = std::make_shared<RemoteMember>();
            *member = {rank,
                       rank + 10,
                       "far",
                       {},
                       std::make_shared<PlainPeer>("there"),
                       {network_->expose(far_[rank]), 0, kStride}};
            (*table_)[rank] = member;
        }
    }

    static std::byte* reserve() {
        return static_cast<std::byte*>(
            ::mmap(nullptr, kStride * kSlots, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    }

    void SetUp() override { ASSERT_EQ(::mprotect(base_, kStride * kFirstRemote, PROT_READ | PROT_WRITE), 0); }
    void TearDown() override { ::munmap(base_, kStride * kSlots); }

    WindowCopy copy(Deadline deadline = Deadline::never()) {
        return WindowCopy({window_, table_, transport_, engine_, copy::Temperature::kAuto, deadline});
    }
    std::byte* global(uint64_t rank, uint64_t offset) { return base_ + rank * kStride + offset; }
    /// The byte behind an address of the window, wherever it lives.
    std::byte& at(uint64_t rank, uint64_t offset) {
        return rank < kFirstRemote ? *global(rank, offset) : far_[static_cast<uint32_t>(rank)][offset];
    }
    void fill(uint32_t rank) {
        for (size_t i = 0; i < kStride; ++i) {
            at(rank, i) = pattern(i + rank);
        }
    }

    std::byte* base_ = reserve();
    memory::Window window_{reinterpret_cast<uint64_t>(base_), kSlots, {0, kStride}};
    std::shared_ptr<PlainNetwork> network_ = std::make_shared<PlainNetwork>();
    PlainRemoteMemory transport_{network_, "here"};
    copy::Engine engine_{Options()};
    std::map<uint32_t, std::vector<std::byte>> far_;
    std::shared_ptr<RemoteTable> table_ = std::make_shared<RemoteTable>(kSlots);
};

TEST_F(WindowCopyTest, LocalToRemoteAndBackUpToTheLastByte) {
    for (const size_t size : {size_t{1}, size_t{7}, size_t{8}, size_t{4096}, size_t{kStride}}) {
        std::vector<std::byte> sent(size);
        for (size_t i = 0; i < size; ++i) {
            sent[i] = pattern(i + size);
        }
        const copy::Piece there{global(3, kStride - size), sent.data(), size};
        ASSERT_TRUE(copy().copy_pieces({&there, 1}).is_ok());
        std::vector<std::byte> received(size);
        const copy::Piece back{received.data(), global(3, kStride - size), size};
        ASSERT_TRUE(copy().copy_pieces({&back, 1}).is_ok());
        EXPECT_EQ(received, sent) << size;
        EXPECT_EQ(far_[3].back(), sent.back());
    }
}

TEST_F(WindowCopyTest, LocalRanksAreNotSentAnywhere) {
    fill(0);
    const copy::Piece piece{global(1, 5), global(0, 0), 100'000};
    ASSERT_TRUE(copy().copy_pieces({&piece, 1}).is_ok());
    EXPECT_EQ(std::memcmp(global(1, 5), global(0, 0), 100'000), 0);
    EXPECT_EQ(transport_.bytes_put + transport_.bytes_got, 0U);
}

TEST_F(WindowCopyTest, PiecesThatStraddleRanksOnBothSides) {
    for (uint32_t rank = 0; rank < kSlots; ++rank) {
        fill(rank);
    }
    // From the end of rank 1 through rank 2 to the beginning of rank 3, into ordinary memory.
    const size_t size = kStride + 3000;
    std::vector<std::byte> received(size);
    const copy::Piece piece{received.data(), global(1, kStride - 1000), size};
    ASSERT_TRUE(copy().copy_pieces({&piece, 1}).is_ok());
    for (size_t i = 0; i < size; ++i) {
        const size_t place = i + kStride - 1000;
        ASSERT_EQ(received[i], at(1 + place / kStride, place % kStride)) << i;
    }
    EXPECT_EQ(transport_.bytes_got, size - 1000);

    // From there, shifted, to where rank 1 ends and rank 2 begins: a get, a relay, puts.
    const size_t half = 6000;
    std::vector<std::byte> expected;
    for (size_t i = 0; i < half; ++i) {
        const size_t place = i + kStride - 1500;
        expected.push_back(at(2 + place / kStride, place % kStride));
    }
    const copy::Piece shifted{global(1, kStride - 2000), global(2, kStride - 1500), half};
    ASSERT_TRUE(copy().copy_pieces({&shifted, 1}).is_ok());
    for (size_t i = 0; i < half; ++i) {
        const size_t place = i + kStride - 2000;
        ASSERT_EQ(at(1 + place / kStride, place % kStride), expected[i]) << i;
    }
}

TEST_F(WindowCopyTest, FromOneRemoteRankToAnotherInSeveralLoads) {
    fill(2);
    const size_t size = 3 * RelayHalves::kSize + 12'345;
    const copy::Piece piece{global(3, 77), global(2, 1), size};
    ASSERT_TRUE(copy().copy_pieces({&piece, 1}).is_ok());
    EXPECT_EQ(std::memcmp(&far_[3][77], &far_[2][1], size), 0);
    EXPECT_EQ(transport_.bytes_got, size);
    EXPECT_EQ(transport_.bytes_put, size);
}

struct Route {
    uint32_t from;
    uint32_t to;
};

TEST_F(WindowCopyTest, RowsInEveryDirection) {
    constexpr size_t kWidth = 301;
    constexpr size_t kHeight = 5000;  // more than are planned at once
    for (const Route route : {Route{0, 2}, Route{2, 1}, Route{2, 3}, Route{0, 1}}) {
        fill(route.from);
        std::vector<std::byte> untouched(kStride, std::byte{0x5a});
        for (size_t i = 0; i < kStride; ++i) {
            at(route.to, i) = untouched[i];
        }
        const copy::Rows rows{global(route.to, 3), 700, global(route.from, 9), 400, kWidth, kHeight};
        ASSERT_TRUE(copy().copy_rows(rows).is_ok());
        for (size_t row = 0; row < kHeight; ++row) {
            ASSERT_EQ(std::memcmp(&at(route.to, 3 + row * 700), &at(route.from, 9 + row * 400), kWidth), 0);
            ASSERT_EQ(at(route.to, 3 + row * 700 + kWidth), std::byte{0x5a});
        }
    }
    EXPECT_LE(transport_.largest_batch, 4096U);
}

TEST_F(WindowCopyTest, RowsWithoutGapsAreOnePiece) {
    std::vector<std::byte> source(64 * 100);
    const copy::Rows rows{global(2, 0), 64, source.data(), 64, 64, 100};
    ASSERT_TRUE(copy().copy_rows(rows).is_ok());
    EXPECT_EQ(transport_.largest_batch, 1U);
}

TEST_F(WindowCopyTest, ABatchOverAllRanksGoesInOneBatchAPeer) {
    fill(0);
    std::vector<copy::Piece> pieces;
    for (size_t i = 0; i < 122; ++i) {
        pieces.push_back({global(1 + i % 3, i * 20'000), global(0, i * 20'000), 20'000});
    }
    ASSERT_TRUE(copy().copy_pieces(pieces).is_ok());
    for (size_t i = 0; i < 122; ++i) {
        EXPECT_EQ(std::memcmp(&at(1 + i % 3, i * 20'000), global(0, i * 20'000), 20'000), 0);
    }
    EXPECT_EQ(transport_.bytes_put, (122 - 41) * uint64_t{20'000});
    EXPECT_EQ(transport_.largest_batch, 41U);
}

TEST_F(WindowCopyTest, AFailureNamesThePeerAndSparesTheOthers) {
    std::static_pointer_cast<PlainPeer>((*table_)[2]->peer)
        ->abandon(failure(Code::kPeerLost, "rank 2 is lost"));
    fill(0);
    const std::vector<copy::Piece> pieces{{global(2, 16), global(0, 0), 10},
                                          {global(3, 0), global(0, 0), 10}};
    const Status status = copy().copy_pieces(pieces);
    EXPECT_EQ(status.code(), Code::kPeerLost);
    EXPECT_THAT(status.message(), HasSubstr("writing 10 bytes in 1 pieces"));
    EXPECT_THAT(status.message(), HasSubstr(fmt::format("{:#x}", window_.region(2).begin + 16)));
    EXPECT_THAT(status.message(), HasSubstr("to rank 2 on host 'far': rank 2 is lost"));
    EXPECT_EQ(std::memcmp(&far_[3][0], global(0, 0), 10), 0);
}

TEST_F(WindowCopyTest, ARelayEndsWithTheFirstFailureOfEitherSide) {
    for (const bool fail_puts : {false, true}) {
        std::atomic<int> batches{0};
        const uint32_t bad = fail_puts ? 3 : 2;
        transport_.before = [&](bool put) {
            if (put == fail_puts && ++batches == 2) {
                std::static_pointer_cast<PlainPeer>((*table_)[bad]->peer)
                    ->abandon(failure(Code::kPeerLost, "gone"));
            }
        };
        const copy::Piece piece{global(3, 0), global(2, 0), kStride};
        const Status status = copy().copy_pieces({&piece, 1});
        EXPECT_EQ(status.code(), Code::kPeerLost);
        EXPECT_THAT(status.message(), HasSubstr(fail_puts ? "to rank 3" : "from rank 2"));
        EXPECT_EQ(batches, 2);
        std::static_pointer_cast<PlainPeer>((*table_)[bad]->peer)->abandon({});
    }
}

TEST_F(WindowCopyTest, AMemberThatCannotBeReachedSaysWhy) {
    auto member = std::make_shared<RemoteMember>(*(*table_)[3]);
    member->peer = nullptr;
    member->problem = failure(Code::kNotSupported, "speaks another provider");
    (*table_)[3] = member;
    std::byte byte{};
    const copy::Piece piece{&byte, global(3, 0), 1};
    const Status status = copy().copy_pieces({&piece, 1});
    EXPECT_EQ(status.code(), Code::kNotSupported);
    EXPECT_THAT(status.message(), HasSubstr("from rank 3 on host 'far': speaks another provider"));
}

TEST_F(WindowCopyTest, KnowsWhichRangesAreRemote) {
    const auto is_remote = [&](uint64_t begin, uint64_t size) {
        return WindowCopy::is_remote(window_, *table_, begin, size);
    };
    const uint64_t border = window_.region(kFirstRemote).begin;
    EXPECT_FALSE(is_remote(border - 1, 1));
    EXPECT_TRUE(is_remote(border - 1, 2));
    EXPECT_TRUE(is_remote(window_.range().end() - 1, 1));
    EXPECT_FALSE(is_remote(window_.range().end(), 1));
    EXPECT_FALSE(is_remote(border, 0));
}

}  // namespace
}  // namespace memfabric
