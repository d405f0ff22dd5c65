// SPDX-License-Identifier: Apache-2.0
#include "trans/attached_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/transport/forked_child.h"

namespace memfabric::trans {
namespace {

using transport::AttachedProcess;
using transport::Flow;
using transport::RemotePiece;
using transport::test::ForkedChild;

constexpr uint64_t kNonce = 77;
uint64_t nonce = kNonce;

/// The same bytes in two layouts: consecutive here, scattered over the child's memory.
class Scattered {
 public:
    explicit Scattered(size_t pieces)
        : theirs_(pieces * kSlot), ours_(pieces * kSlot), back_(pieces * kSlot) {
        std::mt19937_64 random(pieces);
        std::generate(ours_.begin(), ours_.end(), [&] { return static_cast<std::byte>(random()); });
        size_t offset = 0;
        for (size_t i = 0; i < pieces; ++i) {
            const size_t size = random() % kSlot;
            const uint64_t remote = reinterpret_cast<uint64_t>(theirs_.data()) + (pieces - 1 - i) * kSlot;
            writes.push_back({remote, ours_.data() + offset, size});
            reads.push_back({remote, back_.data() + offset, size});
            offset += size;
        }
        used_ = static_cast<std::ptrdiff_t>(offset);
    }

    bool came_back() const { return std::equal(ours_.begin(), ours_.begin() + used_, back_.begin()); }

    std::vector<RemotePiece> writes;
    std::vector<RemotePiece> reads;

 private:
    static constexpr size_t kSlot = 50000;
    std::vector<std::byte> theirs_;
    std::vector<std::byte> ours_;
    std::vector<std::byte> back_;
    std::ptrdiff_t used_ = 0;
};

void round_trip(size_t pieces, copy::ThreadTeam* team) {
    Scattered data(pieces);
    const ForkedChild child;
    const AttachedProcess process =
        AttachedProcess::open(child.pid(), reinterpret_cast<uint64_t>(&nonce), kNonce).value();
    const Status written = copy_attached(process, Flow::kWrite, data.writes, team);
    EXPECT_TRUE(written.is_ok()) << written.message();
    const Status read = copy_attached(process, Flow::kRead, data.reads, team);
    EXPECT_TRUE(read.is_ok()) << read.message();
    EXPECT_TRUE(data.came_back()) << pieces;
}

TEST(AttachedCopy, OneThread) {
    for (const size_t pieces : {1U, 7U, 400U}) {
        round_trip(pieces, nullptr);
    }
}

TEST(AttachedCopy, SharedBetweenThreads) {
    for (const size_t pieces : {1U, 100U, 1000U}) {
        copy::ThreadTeam team(3);
        round_trip(pieces, &team);
    }
}

TEST(AttachedCopy, TheFirstPieceThatFailsIsNamed) {
    Scattered data(400);
    data.writes[150].remote = 8;
    data.writes[390].remote = 8;
    const ForkedChild child;
    const AttachedProcess process =
        AttachedProcess::open(child.pid(), reinterpret_cast<uint64_t>(&nonce), kNonce).value();
    const Status alone = copy_attached(process, Flow::kWrite, data.writes, nullptr);
    EXPECT_EQ(alone.code(), Code::kError);
    EXPECT_THAT(alone.message(), ::testing::HasSubstr("piece 150 "));
    copy::ThreadTeam team(3);
    const Status shared = copy_attached(process, Flow::kWrite, data.writes, &team);
    EXPECT_THAT(shared.message(), ::testing::ContainsRegex("piece (150|390) "));
}

}  // namespace
}  // namespace memfabric::trans
