// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/futex.h"
#include "base/mapping.h"
#include "trans/lane_lock.h"
#include "trans/staging_path.h"
#include "trans/staging_server.h"

namespace memfabric::trans {
namespace {

using staging::Cell;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// Each call its own: the tests of one process together may take longer than that.
Deadline soon() {
    return Deadline::after_seconds(30);
}

std::vector<std::byte> pattern(size_t size, unsigned seed) {
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; ++i) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = static_cast<std::byte>(seed >> 24);
    }
    return bytes;
}

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

class StagingRing : public ::testing::Test {
 protected:
    Fd handed_over() const { return Fd(::fcntl(server_->descriptor(), F_DUPFD_CLOEXEC, 0)); }
    std::unique_ptr<PeerPath> path() {
        return StagingPath::open(handed_over(), [this] { return alive_.load(); }).value();
    }
    Status write(PeerPath& path, std::byte* to, std::span<const std::byte> bytes,
                 Deadline deadline = soon()) {
        const copy::Piece piece{to, bytes.data(), bytes.size()};
        return path.move(Direction::kWrite, {&piece, 1}, deadline);
    }
    Status read(PeerPath& path, const std::byte* from, std::span<std::byte> bytes) {
        const copy::Piece piece{bytes.data(), from, bytes.size()};
        return path.move(Direction::kRead, {&piece, 1}, soon());
    }
    bool covers(memory::AddressRange range) const {
        const auto inside = [&](const auto& other) {
            return range.begin >= other.begin && range.end() <= other.end();
        };
        return inside(memory_range_) || inside(extra_);
    }

    std::vector<std::byte> memory_ = std::vector<std::byte>(8 << 20);
    memory::AddressRange memory_range_{address_of(memory_.data()), memory_.size()};
    memory::AddressRange extra_{};
    std::atomic<bool> alive_{true};
    std::unique_ptr<StagingServer> server_ =
        StagingServer::create("ring", [this](memory::AddressRange range) { return covers(range); }).value();
};

TEST_F(StagingRing, EverySizeArrivesAndComesBackWhole) {
    server_->start();
    const auto way = path();
    const size_t chunk = staging::kDataSize;
    for (const size_t size : {size_t{1}, size_t{7}, size_t{4095}, size_t{4097}, chunk - 1, chunk, chunk + 1,
                              2 * chunk, 2 * chunk + 1, 5 * chunk + 13}) {
        const auto bytes = pattern(size, static_cast<unsigned>(size));
        memory_[size + 3] = std::byte{0x5a};
        ASSERT_EQ(write(*way, memory_.data() + 3, bytes).message(), "") << size;
        EXPECT_EQ(std::memcmp(memory_.data() + 3, bytes.data(), size), 0) << size;
        EXPECT_EQ(memory_[size + 3], std::byte{0x5a}) << "behind " << size;
        std::vector<std::byte> back(size);
        ASSERT_EQ(read(*way, memory_.data() + 3, back).message(), "") << size;
        EXPECT_EQ(back, bytes) << size;
    }
}

TEST_F(StagingRing, ManyPiecesAreOneOperation) {
    server_->start();
    const auto way = path();
    const size_t each = 1501;
    const size_t count = 3 * staging::kMaxEntries + 1;
    const auto bytes = pattern(each * count, 1);
    std::vector<copy::Piece> pieces;
    for (size_t i = 0; i < count; ++i) {
        pieces.push_back({memory_.data() + 2 * each * i, bytes.data() + each * i, each});
    }
    ASSERT_EQ(way->move(Direction::kWrite, pieces, soon()).message(), "");
    for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(std::memcmp(memory_.data() + 2 * each * i, bytes.data() + each * i, each), 0) << i;
    }
}

TEST_F(StagingRing, TheLastRegisteredByteIsTheLast) {
    server_->start();
    const auto way = path();
    const auto bytes = pattern(100, 3);
    EXPECT_EQ(write(*way, memory_.data() + memory_.size() - 100, bytes).message(), "");
    const Status behind = write(*way, memory_.data() + memory_.size() - 99, bytes);
    EXPECT_EQ(behind.code(), Code::kRefused);
    EXPECT_THAT(behind.message(),
                HasSubstr(fmt::format("{:#x}", address_of(memory_.data() + memory_.size() - 99))));
    EXPECT_EQ(memory_.back(), bytes.back());
}

TEST_F(StagingRing, ARefusedPieceKeepsTheWholeRequestOut) {
    server_->start();
    const auto way = path();
    const auto bytes = pattern(100, 4);
    const std::array<copy::Piece, 2> pieces{
        {{memory_.data(), bytes.data(), 100}, {memory_.data() + memory_.size(), bytes.data(), 1}}};
    EXPECT_EQ(way->move(Direction::kWrite, pieces, soon()).code(), Code::kRefused);
    EXPECT_EQ(memory_, std::vector<std::byte>(memory_.size()));
}

TEST_F(StagingRing, FreedMemoryIsAnErrorAndNoCrash) {
    const auto way = path();
    const size_t size = 1 << 20;
    void* const gone = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(gone, MAP_FAILED);
    ASSERT_EQ(::mprotect(gone, size, PROT_NONE), 0);
    extra_ = {address_of(gone), size};
    server_->start();
    auto bytes = pattern(size, 5);
    const Status written = write(*way, static_cast<std::byte*>(gone), bytes);
    EXPECT_EQ(written.code(), Code::kError);
    EXPECT_THAT(written.message(), HasSubstr("freed before it was deregistered"));
    const Status was_read = read(*way, static_cast<std::byte*>(gone), bytes);
    EXPECT_EQ(was_read.code(), Code::kError);
    EXPECT_THAT(was_read.message(), HasSubstr(fmt::format("{:#x}", address_of(gone))));
    ::munmap(gone, size);
    // Both sides go on.
    EXPECT_EQ(write(*way, memory_.data(), std::span(bytes).first(9)).message(), "");
}

TEST_F(StagingRing, WhatTimedOutIsNeverAppliedLater) {
    const auto way = path();
    const auto late = pattern(3 * staging::kDataSize, 6);
    const Status status = write(*way, memory_.data(), late, Deadline::after(milliseconds(30)));
    EXPECT_EQ(status.code(), Code::kTimeout);
    EXPECT_THAT(status.message(), HasSubstr("MF_TRANS_TIMEOUT"));
    server_->start();
    const auto bytes = pattern(10, 7);
    ASSERT_EQ(write(*way, memory_.data() + memory_.size() - 10, bytes).message(), "");
    const std::span front = std::span(memory_).first(late.size());
    EXPECT_TRUE(
        std::all_of(front.begin(), front.end(), [](std::byte value) { return value == std::byte{0}; }));
}

TEST_F(StagingRing, ADeadTargetIsNoticed) {
    const auto way = path();
    alive_ = false;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(write(*way, memory_.data(), pattern(10, 8)).code(), Code::kPeerLost);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(StagingRing, ManyInitiatorsAtOnce) {
    server_->start();
    constexpr size_t kInitiators = 8;
    constexpr size_t kShare = size_t{1} << 20;
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kInitiators; ++i) {
        threads.emplace_back([&, i] {
            const auto way = path();
            std::vector<std::byte> back(kShare - 11);
            for (unsigned round = 0; round < 10; ++round) {
                const auto bytes = pattern(back.size(), static_cast<unsigned>(i) * 100 + round);
                ASSERT_EQ(write(*way, memory_.data() + i * kShare, bytes).message(), "");
                ASSERT_EQ(read(*way, memory_.data() + i * kShare, back).message(), "");
                ASSERT_EQ(back, bytes);
            }
        });
    }
}

/// A lane that is written by hand, the way that a broken or hostile initiator would.
class HandMadeLane {
 public:
    HandMadeLane(const Fd& ring, uint32_t lane)
        : own_(reopen(ring.get()).value()),
          header_(Mapping::shared(ring.get(), staging::kHeaderSpace).value()),
          control_(Mapping::shared(ring.get(), staging::kControlSpace, staging::lane_offset(lane)).value()) {
        EXPECT_TRUE(lock_byte(own_.get(), staging::lane_offset(lane)));
        header().lanes = std::max(header().lanes.load(), lane + 1);
    }
    staging::Header& header() { return *reinterpret_cast<staging::Header*>(header_.data()); }
    Cell& cell() { return *reinterpret_cast<Cell*>(control_.data()); }
    /// As its process dies.
    void unlock() { own_.reset(); }
    void ring() {
        cell().state = staging::kRequested;
        header().doorbell.fetch_add(1);
        futex_wake_all(header().doorbell);
    }
    uint32_t outcome() {
        ring();
        while (cell().state != staging::kDone) {
            std::this_thread::yield();
        }
        return cell().answer.outcome;
    }

 private:
    Fd own_;
    Mapping header_;
    Mapping control_;
};

TEST_F(StagingRing, NonsenseIsRefusedAndOthersAreServed) {
    server_->start();
    HandMadeLane lane(handed_over(), 3);
    staging::Request& request = lane.cell().request;
    const uint64_t here = address_of(memory_.data());
    EXPECT_EQ(lane.outcome(), staging::kMalformed) << "no entries";
    request.count = staging::kMaxEntries + 1;
    EXPECT_EQ(lane.outcome(), staging::kMalformed);
    request.count = UINT32_MAX;
    EXPECT_EQ(lane.outcome(), staging::kMalformed);
    request.count = 2;
    request.entries[0] = {here, 1};
    request.entries[1] = {here, 0};
    EXPECT_EQ(lane.outcome(), staging::kMalformed) << "an empty entry";
    request.entries[1] = {here, staging::kDataSize};
    EXPECT_EQ(lane.outcome(), staging::kMalformed) << "more bytes than the cell has";
    request.entries[1] = {here, UINT64_MAX};
    EXPECT_EQ(lane.outcome(), staging::kMalformed);
    request.entries[1] = {UINT64_MAX - 1, 100};
    EXPECT_EQ(lane.outcome(), staging::kMalformed) << "around the end of the address space";
    request.entries[1] = {0, 100};
    EXPECT_EQ(lane.outcome(), staging::kNotRegistered);
    EXPECT_EQ(lane.cell().answer.entry, 1U);
    lane.header().lanes = UINT32_MAX;
    EXPECT_EQ(write(*path(), memory_.data(), pattern(10, 9)).message(), "");
}

TEST_F(StagingRing, ARequestWhoseInitiatorDiedIsNotApplied) {
    HandMadeLane lane(handed_over(), 0);
    lane.cell().request.count = 1;
    lane.cell().request.entries[0] = {address_of(memory_.data()), 8};
    const std::vector<std::byte> before = pattern(8, 10);
    std::copy(before.begin(), before.end(), memory_.begin());
    lane.ring();
    lane.unlock();
    server_->start();
    while (lane.cell().state != staging::kDone) {
        std::this_thread::yield();
    }
    EXPECT_TRUE(std::equal(before.begin(), before.end(), memory_.begin()));
}

TEST_F(StagingRing, ALaneWithARequestBeingServedIsNotTaken) {
    server_->start();
    HandMadeLane lane(handed_over(), 0);
    lane.cell().state = staging::kServing;
    lane.unlock();
    const auto way = path();
    EXPECT_EQ(write(*way, memory_.data(), pattern(10, 11)).message(), "");
    EXPECT_EQ(lane.cell().state, staging::kServing);
}

}  // namespace
}  // namespace memfabric::trans
